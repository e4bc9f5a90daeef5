"""``python -m wsolbench`` is ``wsolbench``."""

from wsolbench.cli import main

if __name__ == "__main__":
    main()
