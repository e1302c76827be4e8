"""How the presets over words and pairs of words are trained; no Keras is imported by this."""
