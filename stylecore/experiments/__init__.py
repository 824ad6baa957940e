"""What the command line experiments with: scores and reconstructions."""
