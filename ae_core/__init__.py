"""Latent Lab's library: data, models, training, and the engine that runs them. It knows no screen."""
