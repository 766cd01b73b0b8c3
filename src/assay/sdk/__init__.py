"""Everything an SDK says to us, and what we say back."""
