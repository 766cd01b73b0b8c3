"""What a newcomer sees first: a shop that never was, with a past that is simulated and a present that is real."""
