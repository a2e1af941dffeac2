"""`python -m attribot_integrations`: the command line."""

from attribot_integrations.cli import main

if __name__ == "__main__":
    main()
