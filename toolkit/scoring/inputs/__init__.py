"""Which files a call scores, and how their outputs are called."""
