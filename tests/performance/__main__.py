"""`python -m tests.performance` is `make bench`."""

from tests.performance.bench import main

if __name__ == "__main__":
    main()
