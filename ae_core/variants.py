"""The standard autoencoders by name: each a few settings on the one trainer, with where it comes from.

A record says what differs from `RunSpec()`. Its title, what it buys and costs, what to watch for and the figure it is
known by are copy, under `variant.<name>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ae_core.spec import RunSpec, changed


@dataclass(frozen=True)
class Variant:
    """settings: by key, in the order in which they are turned on. formula: TeX of what is made small, x the item, x'
    its reconstruction, z the code. paper: author, year and title; link: where it is found. code: the functions and
    classes that are the variant, `module:name`. knobs: keys of the settings that are peculiar to it.
    """

    settings: Mapping[str, Any]
    formula: str
    paper: str
    link: str
    code: tuple[str, ...]
    knobs: tuple[str, ...] = field(default=())


SQUARES = r"\tfrac12\lVert x-x'\rVert^2"

VARIANTS: dict[str, Variant] = {
    "linear": Variant(
        {"model_hidden": (), "model_activation": "identity", "optimizer_learning_rate": 0.005},
        rf"{SQUARES},\quad x'=W'(Wx+b)+b'",
        "Baldi and Hornik 1989, Neural networks and principal component analysis",
        "https://doi.org/10.1016/0893-6080(89)90014-2",
        ("ae_core.models.mlp:DenseEncoder", "ae_core.pca:reference"),
    ),
    "mlp": Variant(
        {"model_hidden": (128, 64), "model_activation": "relu"},
        SQUARES,
        "Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks",
        "https://doi.org/10.1126/science.1127647",
        ("ae_core.models.autoencoder:Autoencoder", "ae_core.models.mlp:DenseEncoder"),
        ("model_hidden", "model_activation", "model_dropout", "model_batch_norm"),
    ),
    "tied": Variant(
        {"model_tied": True},
        rf"{SQUARES},\quad W'_i=W_i^{{\mathsf T}}",
        "Vincent et al. 2010, Stacked denoising autoencoders",
        "https://jmlr.org/papers/v11/vincent10a.html",
        ("ae_core.models.blocks:Dense", "ae_core.models.mlp:dense_decoder"),
        ("model_tied",),
    ),
    "denoising": Variant(
        {"objective_corruption_kind": "gaussian", "objective_corruption_level": 0.3},
        r"\tfrac12\lVert x-g(f(\tilde x))\rVert^2,\quad \tilde x\sim q(\tilde x\mid x)",
        "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders",
        "https://doi.org/10.1145/1390156.1390294",
        ("ae_core.objectives.corruption:corrupt",),
        ("objective_corruption_kind", "objective_corruption_level"),
    ),
    "sparse_l1": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 32,
            "model_code_activation": "relu",
            "objective_code_l1": 0.05,
        },
        rf"{SQUARES}+\lambda\sum_j|z_j|",
        "Olshausen and Field 1996, Emergence of simple-cell receptive field properties",
        "https://doi.org/10.1038/381607a0",
        ("ae_core.objectives.code:code_l1",),
        ("objective_code_l1", "model_code_activation"),
    ),
    "sparse_kl": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 32,
            "model_code_activation": "sigmoid",
            "objective_sparsity_kind": "kl",
            "objective_sparsity_target": 0.1,
        },
        rf"{SQUARES}+\lambda\sum_j \rho\ln\frac\rho{{r_j}}+(1-\rho)\ln\frac{{1-\rho}}{{1-r_j}}",
        "Ng 2011, CS294A lecture notes: Sparse autoencoder",
        "https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf",
        ("ae_core.objectives.code:kl_sparsity",),
        ("objective_sparsity_target", "objective_sparsity_weight"),
    ),
    "contractive": Variant(
        {"model_activation": "sigmoid", "objective_contractive": 0.1},
        rf"{SQUARES}+\lambda\left\lVert\frac{{\partial z}}{{\partial x}}\right\rVert_F^2",
        "Rifai et al. 2011, Contractive auto-encoders",
        "https://icml.cc/Conferences/2011/papers/455_icmlpaper.pdf",
        ("ae_core.objectives.code:jacobian_norm",),
        ("objective_contractive",),
    ),
    "vae": Variant(
        {"model_code_kind": "variational"},
        r"-\mathbb E_{q}\ln p(x\mid z)+\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Kingma and Welling 2014, Auto-encoding variational Bayes",
        "https://arxiv.org/abs/1312.6114",
        ("ae_core.models.code:GaussianCode", "ae_core.objectives.code:kl_to_unit_normal"),
    ),
    "beta_vae": Variant(
        {"model_code_kind": "variational", "model_code_beta": 4.0, "model_code_latent_dim": 6},
        r"-\mathbb E_{q}\ln p(x\mid z)+\beta\,\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Higgins et al. 2017, beta-VAE",
        "https://openreview.net/forum?id=Sy2fzU9gl",
        ("ae_core.objectives.code:kl",),
        ("model_code_beta",),
    ),
    "conditional": Variant(
        {"model_code_kind": "variational", "model_conditional": True},
        r"-\mathbb E_{q}\ln p(x\mid z,y)+\mathrm{KL}\left(q(z\mid x,y)\,\Vert\,\mathcal N(0,I)\right)",
        "Sohn, Lee and Yan 2015, Learning structured output representation using deep conditional generative models",
        "https://papers.nips.cc/paper/5775-learning-structured-output-representation-using-deep-conditional-generative-models",
        ("ae_core.models.autoencoder:Autoencoder",),
        ("model_conditional", "model_code_beta"),
    ),
}


def spec_of(name: str, start: RunSpec | None = None) -> RunSpec:
    """The variant's settings on top of `start`: what they do not name stays as it is."""
    return changed(start or RunSpec(), VARIANTS[name].settings)
