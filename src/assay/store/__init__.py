"""What is configured: projects, flags, metrics, experiments, tokens; versioned, audited, one door to change them."""
