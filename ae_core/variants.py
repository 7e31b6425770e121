"""The standard autoencoders by name: each a few settings on the one trainer, with where it comes from.

A record says what differs from `RunSpec()`. Its title, what it buys and costs, what to watch for and the figure it is
known by are copy, under `variant.<name>`. The variant of a spec is read off its settings (`variant_of`), never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ae_core.compatibility import check
from ae_core.data import dataset_of
from ae_core.data.columns import is_mixed
from ae_core.errors import AeError
from ae_core.spec import RunSpec, Schedule, changed, every_setting, settings

Group = Literal["plain", "regularised", "sparse", "variational", "discrete", "special"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class Variant:
    """settings: by key, in the order in which they are turned on. formula: TeX of what is made small, x the item, x'
    its reconstruction, z the code. paper: author, year and title; link: where it is found. code: the functions and
    classes that are the variant, `module:name`. knobs: keys of the settings that are peculiar to it. group: the shelf
    on which it is shown. sampler: the one that new items of it are drawn with, if it is known by that (`sampling`).
    """

    settings: Mapping[str, Any]
    formula: str
    paper: str
    link: str
    code: tuple[str, ...]
    knobs: tuple[str, ...] = field(default=())
    group: Group = field(kw_only=True)
    sampler: str = field(default="", kw_only=True)


SQUARES = r"\tfrac12\lVert x-x'\rVert^2"

MULTINOMIAL: dict[str, Any] = {
    "data_kind": "baskets",
    "data_standardise": "none",
    "model_hidden": (100,),
    "model_activation": "tanh",
    "model_code_latent_dim": 16,
    "model_unit_input": True,
    "objective_reconstruction": "cross_entropy",
    "objective_corruption_kind": "masking",
    "objective_corruption_level": 0.5,
    "optimizer_learning_rate": 0.003,
}

VARIANTS: dict[str, Variant] = {
    "linear": Variant(
        {"model_hidden": (), "model_activation": "identity", "optimizer_learning_rate": 0.02},
        rf"{SQUARES},\quad x'=W'(Wx+b)+b'",
        "Baldi and Hornik 1989, Neural networks and principal component analysis",
        "https://doi.org/10.1016/0893-6080(89)90014-2",
        ("ae_core.models.mlp:DenseEncoder", "ae_core.pca:reference"),
        group="plain",
    ),
    "mlp": Variant(
        {"model_hidden": (128, 64), "model_activation": "relu"},
        SQUARES,
        "Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks",
        "https://doi.org/10.1126/science.1127647",
        ("ae_core.models.autoencoder:Autoencoder", "ae_core.models.mlp:DenseEncoder"),
        ("model_hidden", "model_activation", "model_dropout", "model_batch_norm"),
        group="plain",
    ),
    "tied": Variant(
        {"model_tied": True},
        rf"{SQUARES},\quad W'_i=W_i^{{\mathsf T}}",
        "Vincent et al. 2010, Stacked denoising autoencoders",
        "https://jmlr.org/papers/v11/vincent10a.html",
        ("ae_core.models.blocks:Dense", "ae_core.models.mlp:dense_decoder"),
        ("model_tied",),
        group="plain",
    ),
    "conv": Variant(
        {"model_kind": "conv"},
        rf"{SQUARES},\quad h^{{(l+1)}}_k=\sigma\left(\sum_c w^{{(l)}}_{{kc}}*h^{{(l)}}_c+b^{{(l)}}_k\right)",
        "Masci et al. 2011, Stacked convolutional auto-encoders for hierarchical feature extraction",
        "https://doi.org/10.1007/978-3-642-21735-7_7",
        ("ae_core.models.conv:ConvEncoder", "ae_core.models.conv:Nearest", "ae_core.models.conv:conv_decoder"),
        ("model_channels", "model_kernel", "model_upsampling"),
        group="plain",
    ),
    "sequence": Variant(
        {"model_kind": "sequence", "data_kind": "waves", "model_code_latent_dim": 6, "optimizer_learning_rate": 0.003},
        rf"{SQUARES},\quad h_t=\mathrm{{GRU}}(x_t,h_{{t-1}}),\quad z=Wh_T+b",
        "Srivastava, Mansimov and Salakhutdinov 2015, Unsupervised learning of video representations using LSTMs",
        "https://arxiv.org/abs/1502.04681",
        (
            "ae_core.models.sequence:GRU",
            "ae_core.models.sequence:SequenceEncoder",
            "ae_core.models.sequence:SequenceDecoder",
        ),
        ("model_width", "model_layers", "model_reverse", "model_feedback", "model_teacher_forcing"),
        group="plain",
    ),
    "denoising": Variant(
        {"objective_corruption_kind": "gaussian", "objective_corruption_level": 0.3},
        r"\tfrac12\lVert x-g(f(\tilde x))\rVert^2,\quad \tilde x\sim q(\tilde x\mid x)",
        "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders",
        "https://doi.org/10.1145/1390156.1390294",
        ("ae_core.objectives.corruption:corrupt",),
        ("objective_corruption_kind", "objective_corruption_level"),
        group="regularised",
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
        group="sparse",
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
        group="sparse",
    ),
    "k_sparse": Variant(
        {
            "model_code_kind": "k_sparse",
            "model_hidden": (),
            "model_tied": True,
            "model_code_latent_dim": 128,
            "model_code_k": 8,
            "optimizer_learning_rate": 0.005,
        },
        rf"{SQUARES},\quad z=h\odot[h\in\mathrm{{top}}_k(h)],\quad h=Wx+b",
        "Makhzani and Frey 2013, k-Sparse autoencoders",
        "https://arxiv.org/abs/1312.5663",
        ("ae_core.models.sparse:KSparseCode", "ae_core.models.sparse:largest", "ae_core.objectives:auxiliary"),
        ("model_code_k", "model_code_test_factor", "model_code_auxiliary", "model_code_dead_after"),
        group="sparse",
    ),
    "sae": Variant(
        {
            "model_code_kind": "point",
            "model_hidden": (),
            "model_code_latent_dim": 256,
            "model_code_activation": "relu",
            "model_code_centred": True,
            "objective_code_l1": 0.1,
            "objective_code_l1_by_decoder": True,
            "optimizer_learning_rate": 0.003,
        },
        rf"{SQUARES}+\lambda\sum_j z_j\lVert w_j\rVert,\quad z=\mathrm{{ReLU}}(V(x-b)+c),\quad x'=Wz+b",
        "Bricken et al. 2023, Towards monosemanticity: decomposing language models with dictionary learning",
        "https://transformer-circuits.pub/2023/monosemantic-features",
        (
            "ae_core.objectives.code:code_l1",
            "ae_core.models.autoencoder:Autoencoder",
            "ae_core.metrics.reported:activity",
        ),
        ("objective_code_l1", "objective_code_l1_by_decoder", "model_code_centred"),
        group="sparse",
    ),
    "contractive": Variant(
        {"model_activation": "sigmoid", "objective_contractive": 0.1},
        rf"{SQUARES}+\lambda\left\lVert\frac{{\partial z}}{{\partial x}}\right\rVert_F^2",
        "Rifai et al. 2011, Contractive auto-encoders",
        "https://icml.cc/Conferences/2011/papers/455_icmlpaper.pdf",
        ("ae_core.objectives.code:jacobian_norm",),
        ("objective_contractive",),
        group="regularised",
    ),
    "vae": Variant(
        {"model_code_kind": "variational", "objective_reconstruction": "bce"},
        r"-\mathbb E_{q}\ln p(x\mid z)+\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Kingma and Welling 2014, Auto-encoding variational Bayes",
        "https://arxiv.org/abs/1312.6114",
        ("ae_core.models.code:GaussianCode", "ae_core.objectives.code:kl_to_unit_normal"),
        group="variational",
    ),
    "beta_vae": Variant(
        {
            "model_code_kind": "variational",
            "model_code_beta": 2.0,
            "model_code_latent_dim": 6,
            "objective_reconstruction": "bce",
            "optimizer_learning_rate": 0.003,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+\beta\,\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Higgins et al. 2017, beta-VAE",
        "https://openreview.net/forum?id=Sy2fzU9gl",
        ("ae_core.objectives.code:kl",),
        ("model_code_beta",),
        group="variational",
    ),
    "masked": Variant(
        {
            "model_code_latent_dim": 16,
            "objective_corruption_kind": "masking",
            "objective_corruption_level": 0.5,
            "objective_corruption_target": "damaged",
        },
        r"\frac{D}{|M|}\sum_{i\in M}\tfrac12(x_i-x'_i)^2,\quad x'=g(f(\tilde x)),\ \tilde x_i=0\ (i\in M)",
        "He et al. 2022, Masked autoencoders are scalable vision learners",
        "https://arxiv.org/abs/2111.06377",
        ("ae_core.objectives.corruption:damage", "ae_core.objectives.corruption:Damage"),
        ("objective_corruption_level", "objective_corruption_target"),
        group="regularised",
    ),
    "topological": Variant(
        {"objective_topological": 1.0},
        rf"{SQUARES}+\frac\lambda B\sum_{{(a,b)\in T_x\cup T_z}}\left(d^x_{{ab}}-d^z_{{ab}}\right)^2",
        "Moor et al. 2020, Topological autoencoders",
        "https://arxiv.org/abs/1906.00722",
        ("ae_core.objectives.topological:topological_error", "ae_core.objectives.topological:spanning_edges"),
        ("objective_topological",),
        group="regularised",
    ),
    "autorec": Variant(
        {
            "data_kind": "ratings",
            "model_hidden": (),
            "model_code_kind": "point",
            "model_code_activation": "sigmoid",
            "model_code_latent_dim": 50,
            "objective_observed_only": True,
            "objective_weight_decay": 0.1,
            "optimizer_learning_rate": 0.005,
        },
        r"\sum_{i:\,r_i\text{ observed}}\tfrac12(r_i-r'_i)^2+\tfrac\lambda2\left(\lVert V\rVert_F^2+"
        r"\lVert W\rVert_F^2\right),\quad r'=W\sigma(Vr+\mu)+b",
        "Sedhain et al. 2015, AutoRec: Autoencoders meet collaborative filtering",
        "https://doi.org/10.1145/2740908.2742726",
        ("ae_core.objectives.reconstruction:observed", "ae_core.metrics.recommender:recommending"),
        ("objective_observed_only", "objective_weight_decay"),
        group="special",
    ),
    "multi_dae": Variant(
        MULTINOMIAL | {"model_code_kind": "point", "model_code_activation": "tanh"},
        r"-\sum_i x_i\ln\mathrm{softmax}(x')_i,\quad x'=g(f(\tilde x/\lVert\tilde x\rVert))",
        "Liang et al. 2018, Variational autoencoders for collaborative filtering",
        "https://arxiv.org/abs/1802.05814",
        ("ae_core.objectives.reconstruction:cross_entropy", "ae_core.metrics.ranking:ndcg_at"),
        ("model_unit_input", "objective_corruption_level"),
        group="special",
    ),
    "multi_vae": Variant(
        MULTINOMIAL
        | {
            "model_code_kind": "variational",
            "model_code_beta": 0.2,
            "schedules": (Schedule(setting="model_code_beta", start=0.0, end=0.2, share=0.5),),
        },
        r"-\mathbb E_q\sum_i x_i\ln\mathrm{softmax}(x')_i+\beta(t)\,"
        r"\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Liang et al. 2018, Variational autoencoders for collaborative filtering",
        "https://arxiv.org/abs/1802.05814",
        ("ae_core.objectives.reconstruction:cross_entropy", "ae_core.metrics.ranking:ndcg_at"),
        ("model_unit_input", "model_code_beta", "objective_corruption_level"),
        group="special",
    ),
    "conditional": Variant(
        {"model_code_kind": "variational", "objective_reconstruction": "bce", "model_conditional": True},
        r"-\mathbb E_{q}\ln p(x\mid z,y)+\mathrm{KL}\left(q(z\mid x,y)\,\Vert\,\mathcal N(0,I)\right)",
        "Sohn, Lee and Yan 2015, Learning structured output representation using deep conditional generative models",
        "https://papers.nips.cc/paper/5775-learning-structured-output-representation-using-deep-conditional-generative-models",
        ("ae_core.models.autoencoder:Autoencoder",),
        ("model_conditional", "model_code_beta"),
        group="variational",
    ),
    "learned_noise": Variant(
        {
            "model_code_kind": "variational",
            "objective_reconstruction": "gaussian",
            "optimizer_learning_rate": 0.003,
        },
        r"\tfrac{1}{2\sigma^2}\lVert x-x'\rVert^2+\tfrac D2\ln 2\pi\sigma^2"
        r"+\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Rybkin, Daniilidis and Levine 2021, Simple and effective VAE training with calibrated decoders",
        "https://arxiv.org/abs/2006.13202",
        ("ae_core.objectives.reconstruction:gaussian",),
        ("objective_reconstruction",),
        group="variational",
    ),
    "continuous_bernoulli": Variant(
        {"model_code_kind": "variational", "objective_reconstruction": "continuous_bernoulli"},
        r"\sum_i-x_i\ln p_i-(1-x_i)\ln(1-p_i)-\ln C(p_i)+\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)",
        "Loaiza-Ganem and Cunningham 2019, The continuous Bernoulli",
        "https://arxiv.org/abs/1907.06845",
        (
            "ae_core.objectives.reconstruction:continuous_bernoulli",
            "ae_core.objectives.reconstruction:log_normaliser",
            "ae_core.models.outputs:unit_mean",
        ),
        ("objective_reconstruction",),
        group="variational",
    ),
    "rae": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 8,
            "objective_code_l2": 0.01,
            "objective_decoder_decay": 0.001,
        },
        rf"{SQUARES}+\tfrac\lambda2\lVert z\rVert^2+\tfrac\mu2\lVert W_\mathrm{{dec}}\rVert^2"
        r"\quad\text{or}\quad\mu\left\lVert\frac{\partial x'}{\partial z}\right\rVert_F^2",
        "Ghosh et al. 2020, From variational to deterministic autoencoders",
        "https://arxiv.org/abs/1903.12436",
        ("ae_core.objectives.code:code_l2", "ae_core.objectives.code:decoder_jacobian_norm"),
        ("objective_code_l2", "objective_decoder_decay", "objective_decoder_gradient"),
        group="regularised",
    ),
    "capacity_vae": Variant(
        {
            "model_code_kind": "variational",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "capacity",
            "objective_matching_weight": 1.0,
            "objective_matching_capacity": 12.0,
            "optimizer_learning_rate": 0.003,
            "schedules": (Schedule(setting="objective_matching_capacity", end=12.0, share=0.8),),
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+"
        r"\gamma\left|\mathrm{KL}\left(q(z\mid x)\,\Vert\,\mathcal N(0,I)\right)-C(t)\right|",
        "Burgess et al. 2018, Understanding disentangling in beta-VAE",
        "https://arxiv.org/abs/1804.03599",
        ("ae_core.objectives.matching:capacity_gap",),
        ("objective_matching_weight", "objective_matching_capacity"),
        group="variational",
    ),
    "dip_vae": Variant(
        {
            "model_code_kind": "variational",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "dip",
            "objective_matching_version": "i",
            "objective_matching_off_diagonal": 10.0,
            "objective_matching_diagonal": 100.0,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+\mathrm{KL}+\lambda_{od}\sum_{i\ne j}C_{ij}^2+\lambda_d\sum_i(C_{ii}-1)^2,"
        r"\quad C=\mathrm{cov}(\mu)",
        "Kumar, Sattigeri and Balakrishnan 2018, Variational inference of disentangled latent concepts",
        "https://arxiv.org/abs/1711.00848",
        ("ae_core.objectives.matching:code_covariance", "ae_core.objectives.matching:off_diagonal"),
        ("objective_matching_version", "objective_matching_off_diagonal", "objective_matching_diagonal"),
        group="variational",
    ),
    "iwae": Variant(
        {"model_code_kind": "variational", "objective_reconstruction": "bce", "model_code_samples": 5},
        r"-\mathbb E\ln\frac1K\sum_{k=1}^K\frac{p(x,z_k)}{q(z_k\mid x)},\quad z_k\sim q(z\mid x)",
        "Burda, Grosse and Salakhutdinov 2016, Importance weighted autoencoders",
        "https://arxiv.org/abs/1509.00519",
        ("ae_core.objectives.code:importance",),
        ("model_code_samples",),
        group="variational",
    ),
    "vamp": Variant(
        {"model_code_kind": "variational", "objective_reconstruction": "bce", "model_code_prior": "vamp"},
        r"-\mathbb E_{q}\ln p(x\mid z)+\mathrm{KL}\left(q(z\mid x)\,\Vert\,\tfrac1M\sum_m q(z\mid u_m)\right)",
        "Tomczak and Welling 2018, VAE with a VampPrior",
        "https://arxiv.org/abs/1705.07120",
        ("ae_core.models.prior:VampPrior", "ae_core.objectives.code:kl"),
        ("model_code_prior", "model_code_pseudo_inputs"),
        group="variational",
    ),
    "factor_vae": Variant(
        {
            "model_code_kind": "variational",
            "objective_reconstruction": "bce",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "factor",
            "objective_matching_weight": 10.0,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+\mathrm{KL}+\gamma\,\mathbb E_{q(z)}\ln\frac{D(z)}{1-D(z)}",
        "Kim and Mnih 2018, Disentangling by factorising",
        "https://arxiv.org/abs/1802.05983",
        (
            "ae_core.objectives.critics:factor",
            "ae_core.objectives.critics:critic_loss",
            "ae_core.objectives.critics:shuffled",
            "ae_core.models.critic:Critic",
        ),
        (
            "objective_matching_weight",
            "objective_matching_width",
            "objective_matching_depth",
            "objective_matching_learning_rate",
        ),
        group="variational",
    ),
    "adversarial": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "adversarial",
            "objective_matching_weight": 0.03,
        },
        rf"{SQUARES}-\lambda\ln D(z),\quad D\text{{ tells draws of }}\mathcal N(0,I)\text{{ from codes}}",
        "Makhzani et al. 2015, Adversarial autoencoders",
        "https://arxiv.org/abs/1511.05644",
        (
            "ae_core.objectives.critics:adversarial",
            "ae_core.objectives.critics:critic_loss",
            "ae_core.models.critic:Critic",
        ),
        (
            "objective_matching_weight",
            "objective_matching_width",
            "objective_matching_depth",
            "objective_matching_learning_rate",
        ),
        group="regularised",
    ),
    "info_vae": Variant(
        {
            "model_code_kind": "variational",
            "objective_reconstruction": "bce",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "info",
            "objective_matching_alpha": 0.5,
            "objective_matching_weight": 10.0,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+(1-\alpha)\,\mathrm{KL}\left(q(z\mid x)\,\Vert\,p(z)\right)"
        r"+(\alpha+\lambda-1)\,\mathrm{MMD}^2\left(q(z),p(z)\right)",
        "Zhao, Song and Ermon 2017, InfoVAE",
        "https://arxiv.org/abs/1706.02262",
        ("ae_core.objectives.matching:mmd", "ae_core.objectives.matching:discrepancy"),
        ("objective_matching_alpha", "objective_matching_weight", "objective_matching_kernel"),
        group="variational",
    ),
    "wae_mmd": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "mmd",
            "objective_matching_weight": 10.0,
            "objective_matching_kernel": "imq",
            "objective_matching_scales": "seven",
        },
        rf"{SQUARES}+\lambda\,\mathrm{{MMD}}^2\left(q(z),\mathcal N(0,I)\right)",
        "Tolstikhin et al. 2018, Wasserstein auto-encoders",
        "https://arxiv.org/abs/1711.01558",
        ("ae_core.objectives.matching:mmd", "ae_core.objectives.matching:discrepancy"),
        (
            "objective_matching_weight",
            "objective_matching_kernel",
            "objective_matching_bandwidth",
            "objective_matching_scales",
        ),
        group="regularised",
    ),
    "swae": Variant(
        {
            "model_code_kind": "point",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "sliced",
            "objective_matching_weight": 10.0,
        },
        rf"{SQUARES}+\lambda\,\mathbb E_\theta\,\tfrac1B\sum_i"
        r"\left|(\theta^{\mathsf T}z)_{(i)}-(\theta^{\mathsf T}p)_{(i)}\right|^p",
        "Kolouri et al. 2018, Sliced-Wasserstein autoencoder",
        "https://arxiv.org/abs/1804.01947",
        ("ae_core.objectives.matching:sliced", "ae_core.objectives.matching:sliced_distance"),
        ("objective_matching_weight", "objective_matching_projections", "objective_matching_power"),
        group="regularised",
    ),
    "beta_tcvae": Variant(
        {
            "model_code_kind": "variational",
            "objective_reconstruction": "bce",
            "model_code_latent_dim": 6,
            "objective_matching_kind": "total_correlation",
            "objective_matching_total_correlation": 6.0,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+\alpha I_q(x;z)+\beta\,\mathrm{KL}\left(q(z)\,\Vert\,\prod_jq(z_j)\right)"
        r"+\gamma\sum_j\mathrm{KL}\left(q(z_j)\,\Vert\,\mathcal N(0,1)\right)",
        "Chen et al. 2018, Isolating sources of disentanglement in variational autoencoders",
        "https://arxiv.org/abs/1802.04942",
        ("ae_core.objectives.matching:split_kl", "ae_core.objectives.matching:stratified_sample"),
        (
            "objective_matching_mutual_information",
            "objective_matching_total_correlation",
            "objective_matching_dimension_wise",
            "objective_matching_estimator",
        ),
        group="variational",
    ),
    "latent_gmm": Variant(
        {"model_code_kind": "point", "model_code_latent_dim": 8, "objective_code_l2": 0.01},
        rf"{SQUARES},\quad\text{{then}}\quad z\sim\sum_c\pi_c\,\mathcal N(m_c,S_c),\quad x'=g(z)",
        "Ghosh et al. 2020, From variational to deterministic autoencoders",
        "https://arxiv.org/abs/1903.12436",
        ("ae_core.sampling:Mixture", "ae_core.training.fitted:Fitted"),
        ("model_code_latent_dim",),
        group="special",
        sampler="gmm",
    ),
    "vq_vae": Variant(
        {
            "model_code_kind": "quantised",
            "model_code_latent_dim": 16,
            "model_code_slots": 8,
            "model_code_codebook_size": 32,
        },
        rf"{SQUARES}+\beta\lVert z-\mathrm{{sg}}[e]\rVert^2+\lVert\mathrm{{sg}}[z]-e\rVert^2,"
        r"\quad e=\mathrm{argmin}_{e_i}\lVert z-e_i\rVert",
        "van den Oord et al. 2017, Neural discrete representation learning",
        "https://arxiv.org/abs/1711.00937",
        (
            "ae_core.models.quantised:QuantisedCode",
            "ae_core.objectives:commitment",
            "ae_core.objectives:codebook",
            "ae_core.objectives:perplexity",
        ),
        (
            "model_code_slots",
            "model_code_codebook_size",
            "model_code_commitment",
            "model_code_ema",
            "model_code_restart",
        ),
        group="discrete",
    ),
    "categorical": Variant(
        {
            "model_code_kind": "categorical",
            "model_code_latent_dim": 10,
            "model_code_classes": 10,
            "model_code_beta": 0.01,
            "optimizer_learning_rate": 0.003,
        },
        r"-\mathbb E_{q}\ln p(x\mid z)+\beta\sum_v\left(\ln C-H(q_v)\right),"
        r"\quad z_v=\mathrm{softmax}\left((\ell_v+g)/\tau\right)",
        "Jang et al. 2017, Categorical reparameterization with Gumbel-softmax",
        "https://arxiv.org/abs/1611.01144",
        (
            "ae_core.models.categorical:CategoricalCode",
            "ae_core.models.categorical:gumbel_softmax",
            "ae_core.objectives:kl_to_uniform",
        ),
        ("model_code_classes", "model_code_temperature", "model_code_beta"),
        group="discrete",
    ),
}


def spec_of(name: str, start: RunSpec | None = None) -> RunSpec:
    """The variant's settings on top of `start`: what they do not name stays as it is."""
    return changed(start or RunSpec(), VARIANTS[name].settings)


def turn_into(name: str, spec: RunSpec) -> RunSpec:
    """The variant on the data, training and optimiser of `spec`; all else is as the variant has it by itself.

    What the variant before had set of training and optimiser goes back to its default. A variational model that is
    usually told by binary cross-entropy takes squared error on numbers that are not between 0 and 1, and mixed columns
    are told by their own likelihoods. The variant's own data replace those of `spec` only where it cannot work on them.
    """
    before = variant_of(spec)
    left = VARIANTS[before].settings if before else {}
    usual = {leaf.key: leaf.default for leaf in every_setting().values()}
    back = {leaf.key: usual[leaf.key] for leaf in settings(spec) if left.get(leaf.key) == leaf.value}
    kept = RunSpec(data=spec.data, optimizer=spec.optimizer, training=spec.training)
    start = changed(kept, {key: value for key, value in back.items() if key.startswith(("optimizer_", "training_"))})
    wanted = VARIANTS[name].settings
    same_data = {key: value for key, value in wanted.items() if not key.startswith("data_")}
    loss = str(same_data.get("objective_reconstruction", "mse"))
    mixed = is_mixed(dataset_of(spec.data).columns)
    losses = (*(["mixed"] if mixed else []), loss, "mse") if loss in ("mse", "bce") else (loss,)
    for values in ({**same_data, "objective_reconstruction": loss} for loss in losses):
        try:
            check(turned := changed(start, values))
        except AeError:
            continue
        return turned
    return spec_of(name, RunSpec(optimizer=start.optimizer, training=start.training))


def variant_of(spec: RunSpec) -> str | None:
    """The most specific variant that this spec is, or None.

    A spec is a variant if it has the variant's kinds and switches, and if numbers that are off by default are on where
    the variant has them on. Of several the one with most such marks is meant; then the one to which the other settings
    are closer.
    """
    fits = {name: marks for name, record in VARIANTS.items() if (marks := _marks(record, spec)) is not None}
    return max(fits, key=lambda name: fits[name]) if fits else None


def _marks(record: Variant, spec: RunSpec) -> tuple[int, int] | None:
    """How many of the record's marks the spec bears, and how near its other settings are; None if a mark is missing."""
    here = {leaf.key: leaf.value for leaf in settings(spec)}
    moved = {plan.setting: max(plan.start, plan.end) for plan in spec.schedules}
    marks, nearness = 0, 0
    for key, value in record.settings.items():
        default, choices, now = _EVERY[key].default, _EVERY[key].choices, here.get(key)
        if _is_mark(key, default, value):
            free = key in record.knobs and choices and value != default
            if not (now not in (default, None) if free else _alike(value, moved.get(key, now))):
                return None
            marks += not _alike(value, default)
        elif value != default and (choices or key in record.knobs):
            nearness += 1 if (now == value if choices else now != default) else -1
    return marks, nearness


def _is_mark(key: str, default: Any, value: Any) -> bool:
    """Whether a setting is a kind, a switch, a list, or a number that is usually off. Data are no mark."""
    if key.startswith(("data_", "optimizer_", "training_")):
        return False
    return key.endswith("_kind") or isinstance(value, bool | tuple) or default in (0, None)


def _alike(value: Any, now: Any) -> bool:
    """Whether a mark is borne: words are equal, numbers both on or both off, lists both empty or both not, and the same
    settings moved."""
    if isinstance(value, tuple) and any(isinstance(plan, Schedule) for plan in value):
        return {plan.setting for plan in value} <= {plan.setting for plan in now or ()}
    return bool(value == now if isinstance(value, str) else bool(value) == bool(now))


_EVERY = every_setting()
