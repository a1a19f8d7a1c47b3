"""`python -m pinion` is `pinion`."""

from pinion.cli import main

if __name__ == "__main__":
    main()
