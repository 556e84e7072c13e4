"""The roof: the only place that wires everything, starts it and stops it."""
