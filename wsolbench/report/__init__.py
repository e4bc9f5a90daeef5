"""Reports read records only; nothing here imports torch."""
