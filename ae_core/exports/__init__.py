"""What leaves the house: a trained model in the forms that other programs open."""
