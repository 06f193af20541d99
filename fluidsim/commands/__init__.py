"""The subcommands of `fluidsim`: a module each, with its flags and what it does."""
