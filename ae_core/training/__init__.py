"""Training: `train(spec)` yields what happens, `Trainer` is the same with a hand on it, `train_many(specs)` is many."""

from ae_core.training.fitted import Fitted
from ae_core.training.many import TrainingMany, train_many
from ae_core.training.trainer import Trainer
from ae_core.training.training import Training, train

__all__ = ["Fitted", "Trainer", "Training", "TrainingMany", "train", "train_many"]
