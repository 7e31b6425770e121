"""Convolutional networks: any size comes back as it was, and every block is PyTorch's own layer."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from ae_core.data import DATASETS
from ae_core.dials import Dials
from ae_core.models import Autoencoder, build
from ae_core.models.blocks import Kit
from ae_core.models.conv import UPSAMPLINGS, as_items, as_maps
from ae_core.objectives import look, terms
from ae_core.sizes import item_numbers, layers, parameter_count, widths
from ae_core.spec import Conv, Digits, Point, RunSpec, Variational

torch.set_num_threads(1)

SIZES = [(8, 8, 1), (25, 25, 1), (28, 28, 1), (12, 12, 1), (32, 32, 1), (9, 14, 3), (1, 2, 3)]


@pytest.fixture(params=SIZES, ids=str)
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """The digits' record, saying that its pictures have this size."""
    shape = request.param
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], shape=lambda _: shape))
    return shape


def built(model: Conv) -> Autoencoder:
    spec = RunSpec(data=Digits(), model=model)
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def kit() -> Kit:
    spec = RunSpec(model=Conv())
    return Kit(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2), Dials(spec))


def pictures(size: tuple[int, int, int], count: int = 4) -> Tensor:
    return torch.rand(count, size[0] * size[1] * size[2], generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_any_size_comes_back_as_it_was(size, upsampling):
    """Odd and even sides, grey and colour, one block and four: the output has the input's size, and the sizes that are
    told before the run are those of the network.
    """
    for channels, kernel, norm, bias in product([(4,), (3, 4, 5, 6)], (3, 5), (False, True), (False, True)):
        model = built(Conv(channels=channels, kernel=kernel, upsampling=upsampling, batch_norm=norm, bias=bias))
        x = pictures(size)
        out = model(x)
        assert out.raw.shape == x.shape
        assert parameter_count(model.spec) == sum(part.numel() for part in model.parameters())
        told = {layer.name: layer.shape for layer in layers(model.spec)}
        for name, value in out.layers.items():
            assert tuple(value.permute(0, 2, 3, 1).shape[1:]) == told[name]
        assert widths(model.spec) == widths(model.spec)[::-1]
        assert [name for name, _ in model.matrices()] == list(told)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("code", [Point(latent_dim=3), Variational(latent_dim=3)], ids=["point", "gaussian"])
def test_gradients_reach_every_parameter(upsampling, code):
    """No kernel and no bias is cut off from the loss."""
    model = built(Conv(channels=(4, 6), upsampling=upsampling, activation="tanh", code=code))
    sum(value.mean() for value in terms(look(model, pictures((8, 8, 1)))).values()).backward()
    for name, part in model.named_parameters():
        assert part.grad is not None, name
        assert part.grad.isfinite().all(), name
        assert part.grad.abs().sum() > 0, name


def test_the_encoder_is_pytorchs_convolution():
    """Blocks give what `nn.Conv2d` gives for the picture (colours first), and the code sees it row by row."""
    model = built(Conv(channels=(4, 6), activation="relu"))
    x = pictures((8, 8, 1))
    maps = x.reshape(4, 8, 8, 1).permute(0, 3, 1, 2)
    for block in model.encoder:
        inputs = block.matrix.shape[1]
        plain = nn.Conv2d(inputs, len(block.matrix), 3, stride=2, padding=1)
        plain.load_state_dict({"weight": block.matrix, "bias": block.layer.bias})
        maps = torch.relu(plain(maps))
    torch.testing.assert_close(model.encoder(x), maps.permute(0, 2, 3, 1).reshape(4, -1))


PLAIN = {
    "nearest": lambda: nn.Sequential(nn.Upsample(size=(7, 10)), nn.Conv2d(5, 3, 3, padding=1)),
    "transposed": lambda: nn.ConvTranspose2d(5, 3, 3, stride=2, padding=1, output_padding=(0, 1)),
    "shuffle": lambda: nn.Sequential(nn.Conv2d(5, 12, 3, padding=1), nn.PixelShuffle(2)),
}


@pytest.mark.parametrize("name", UPSAMPLINGS)
def test_each_way_to_double_the_sides_is_pytorchs(name):
    """4 x 5 becomes 7 x 10, as PyTorch's own layers with the same weights make it."""
    ours, plain = UPSAMPLINGS[name]((4, 5, 5), (7, 10, 3), kit()), PLAIN[name]()
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
            theirs.copy_(mine.normal_())
    x = torch.randn(2, 5, 4, 5)
    torch.testing.assert_close(ours(x), plain(x)[..., :7, :10])


@pytest.mark.parametrize(("name", "even"), [("nearest", True), ("shuffle", True), ("transposed", False)])
def test_only_transposed_convolutions_start_with_a_checkerboard(name, even):
    """Maps without any pattern stay without one, away from the border, unless outputs see unequally many inputs."""
    layer = UPSAMPLINGS[name]((8, 8, 5), (16, 16, 3), kit())
    inside = layer(torch.ones(1, 5, 8, 8))[..., 3:-3, 3:-3]
    assert (inside.std(dim=(-1, -2)).max() < 1e-6) == even


def test_pictures_become_maps_without_being_copied():
    """Row by row with colours together is the memory in which PyTorch's convolutions run fastest, and back again."""
    x = pictures((9, 14, 3))
    maps = as_maps(x, (9, 14, 3))
    assert maps.is_contiguous(memory_format=torch.channels_last)
    assert maps.data_ptr() == x.data_ptr()
    assert torch.equal(maps[1, 2, 4, 5], x.reshape(-1, 9, 14, 3)[1, 4, 5, 2])
    assert torch.equal(as_items(maps), x)


def test_decay_acts_on_kernels_and_matrices_alone():
    """Every kernel and every matrix is among the weights, no bias and no scale of batch norm is."""
    model = built(Conv(channels=(4, 6), batch_norm=True))
    owned = {id(part) for part in model.weights()}
    for name, part in model.named_parameters():
        assert (id(part) in owned) == (name.endswith("weight") and ".norm." not in name), name
    assert len(owned) == 6


def test_many_codes_an_item_are_decoded_at_once():
    """Leading axes of the codes, several draws of each item, come back in front of the pictures."""
    model = built(Conv(channels=(4,))).eval()
    z = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(4))
    raw = model.decode_raw(z)
    assert raw.shape == (3, 5, 64)
    torch.testing.assert_close(raw[1], model.decode_raw(z[1]))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_what_a_batch_holds_is_bounded_from_above(upsampling):
    """The numbers that the engine admits a batch by are at least those that autograd keeps of it."""
    model = built(Conv(channels=(8, 16), upsampling=upsampling, activation="tanh"))
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    own = sum(part.numel() for part in model.parameters())
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        sum(value.mean() for value in terms(look(model, pictures((8, 8, 1), 64))).values())
    assert sum(kept.values()) - own <= 1.5 * 64 * item_numbers(model.spec)
