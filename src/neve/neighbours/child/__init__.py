"""What runs inside the process of the neighbours: moto, and what Neve adds to it. Imports nothing of the rest of Neve."""
