"""`python -m attribot_integrations.cli`, for `accelerate launch -m`."""

from attribot_integrations.cli import main

if __name__ == "__main__":
    main()
