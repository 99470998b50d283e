"""`python -m service` is `svc-user`."""

from service.cli import main

if __name__ == "__main__":
    main()
