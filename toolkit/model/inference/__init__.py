"""From texts to numbers and labels: the network is run, of reviews and of their sentences."""
