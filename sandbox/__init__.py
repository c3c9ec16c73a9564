"""Stand-ins for the outside world on one machine. The product never imports them."""
