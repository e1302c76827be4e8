"""A folder for the Hugging Face Hub: its files, the card of the model, and its metadata."""
