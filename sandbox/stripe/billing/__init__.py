"""The billing engine: who is charged what, when, and what follows."""
