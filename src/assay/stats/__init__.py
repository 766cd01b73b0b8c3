"""What we may conclude: pure functions from moments to estimates, ignorant of what an experiment is."""
