"""wsolbench: the benchmark suite for weakly supervised object localization."""
