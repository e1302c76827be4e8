"""What a model file, a Keras file or a run folder says of itself, without TensorFlow."""
