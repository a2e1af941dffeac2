"""The GPU day: everything worth measuring on one GPU, in the order of worth, in a few minutes."""
