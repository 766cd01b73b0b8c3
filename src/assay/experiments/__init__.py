"""What was promised: metrics and experiments as definitions. Pure: no SQL, no numbers, no input or output."""
