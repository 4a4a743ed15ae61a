"""Speed and memory of the command line, beside a baseline and a ceiling in the same run."""
