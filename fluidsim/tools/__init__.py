"""Commands about several runs: comparing solvers, reports, training."""
