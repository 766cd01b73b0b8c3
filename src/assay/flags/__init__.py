"""What we serve: the flag as people edit it and as SDKs know it. Pure: no clock, no input or output."""
