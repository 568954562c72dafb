"""Claims about ``diagnose``: it names the fault and no other, stays silent otherwise, and changes nothing."""

from __future__ import annotations

import copy
import json
import math
import random
import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn import init
from torch.utils.checkpoint import checkpoint

from glorot.diagnose import CODES, diagnose
from glorot.figures.diagnosis import diagnosis
from glorot.style import DARK
from tests.unit import nets
from tests.unit.faults import cases, scaled

CASES = list(cases())
# One of each fault in each architecture; the whole grid is a matter of minutes.
FEW = list({(c.code, re.sub(r"[\d×.−, -]+", "", c.name)): c for c in reversed(CASES)}.values())
SLOW = {
    "ResNet-18",
    "ResNet-50, narrow",
    "MLP ReLU He, 50 layers",
    "MLP tanh Glorot, 50 layers",
    "DenseNet-like",
}


def verdict(case):
    torch.manual_seed(0)
    net, x = case.make()
    if case.optimizer is None:
        return diagnose(net, x)
    return diagnose(
        net, (x, nets.labels(len(x))), F.cross_entropy, case.optimizer(net.parameters())
    )


def said(report):
    return [(finding.layer, finding.code) for finding in report.findings]


def check(case):
    report = verdict(case)
    assert [code for _, code in said(report)] == [case.code], report.text()
    if case.layer:
        assert report.findings[0].layer == case.layer


@pytest.mark.parametrize("case", FEW, ids=lambda case: case.name)
def test_the_fault_is_named_and_no_other(case):
    check(case)


@pytest.mark.full
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_fault_is_named_and_no_other_at_every_depth_and_width(case):
    check(case)


@pytest.mark.parametrize("name", sorted(set(nets.HEALTHY) - SLOW))
def test_a_healthy_net_gives_no_finding(name):
    torch.manual_seed(1)
    net, x = nets.HEALTHY[name]()
    report = diagnose(net, x)
    assert said(report) == [], report.text()
    assert report.layers


@pytest.mark.full
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("name", nets.HEALTHY)
def test_a_healthy_net_gives_no_finding_with_other_draws(name, seed):
    torch.manual_seed(seed)
    net, x = nets.HEALTHY[name]()
    assert said(diagnose(net, x)) == []


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        (torch.optim.SGD, 0.1),
        (torch.optim.SGD, 1e-3),
        (torch.optim.Adam, 1e-3),
        (torch.optim.AdamW, 1e-5),
    ],
)
@pytest.mark.parametrize(
    "name", ["MLP 3, default", "LeNet", "LSTM", "ResNet-20", "encoder, pre-norm"]
)
def test_an_ordinary_step_gives_no_finding(name, optimizer, rate):
    torch.manual_seed(0)
    net, x = nets.HEALTHY[name]()
    batch = (x, nets.labels(len(x)))
    report = diagnose(net, batch, F.cross_entropy, optimizer(net.parameters(), lr=rate))
    assert said(report) == []
    assert any(layer.update > 0 for layer in report.layers)


def test_what_is_said_of_the_weights_holds_before_the_step():
    torch.manual_seed(0)
    net, x = nets.HEALTHY["MLP 3, default"]()
    batch, still = (x, nets.labels(len(x))), diagnose(net, x)
    report = diagnose(net, batch, F.cross_entropy, torch.optim.SGD(net.parameters(), lr=100.0))
    assert said(report) == [("0", "step-too-large")]
    assert [(one.std, one.scheme) for one in report.layers] == [
        (one.std, one.scheme) for one in still.layers
    ]


@pytest.mark.parametrize("width", [16, 64])
def test_a_deep_net_blames_its_weights_and_not_the_slope_of_a_rectifier(width):
    torch.manual_seed(1)
    (finding,) = diagnose(nets.mlp(30, width), torch.randn(32, 64)).findings
    assert (finding.layer, finding.code) == ("0", "signal-vanishes")
    assert "0.0e+00" not in finding.cause


def redrawn(net, name):
    init.normal_(net.get_parameter(name), std=3.0)
    return net


ELSEWHERE = {
    ("LeNet", "×10"): ("conv1", "signal-explodes"),
    ("VAE", "×0.1"): ("encode.0", "signal-vanishes"),
    ("VAE", "mean.weight"): ("mean", "signal-explodes"),
    ("GRU cells", "×0.1"): ("cell", "signal-vanishes"),
    ("bag of words", "×0"): ("fc", "identical-units"),
    ("DCGAN discriminator", "×100"): ("8", "signal-explodes"),
    ("experts", "first"): ("first", "signal-explodes"),
    ("experts", "second"): ("second", "signal-explodes"),
    ("attention pooling", "attention.in_proj_weight"): ("attention", "signal-explodes"),
    ("Llama-like", "×100"): ("layers.0.attention.qkv", "signal-explodes"),
    ("encoder, post-norm", "×10"): ("encoder.layers.0.self_attn", "gradient-explodes"),
    ("ResNet-20", "×0.1"): None,  # its normalizations undo it
    ("ResNet-20", "×10"): None,
    ("U-Net", "×10"): None,
    ("DCGAN generator", "×0.1"): None,
}


@pytest.mark.parametrize(("net", "change"), ELSEWHERE, ids=" ".join)
def test_a_fault_in_an_architecture_of_its_own_is_named_where_it_begins(net, change):
    torch.manual_seed(0)
    model, x = nets.HEALTHY[net]()
    scale = change.startswith("×")
    model = scaled(model, float(change[1:])) if scale else redrawn(model, change)
    expected = ELSEWHERE[net, change]
    assert said(diagnose(model, x)) == ([] if expected is None else [expected])


# ---------------------------------------------------------------------- the cure


@pytest.mark.parametrize(
    "case", [c for c in FEW if not c.name.startswith("recurrent")], ids=lambda case: case.name
)
def test_the_fix_is_a_line_that_runs_and_the_fault_is_gone(case):
    torch.manual_seed(0)
    model, inputs = case.make()
    optimizer = case.optimizer(model.parameters()) if case.optimizer else None
    batch, loss = (inputs, nets.labels(len(inputs))), F.cross_entropy if optimizer else None
    (finding,) = diagnose(model, batch, loss, optimizer).findings
    assert "\n" not in finding.fix
    scope = {"torch": torch, "model": model, "inputs": inputs, "optimizer": optimizer}
    exec(finding.fix, scope)
    after = diagnose(model, (scope["inputs"], batch[1]), loss, optimizer)
    assert finding.code not in [code for _, code in said(after)], f"{finding.fix}\n{after.text()}"


# ---------------------------------------------------------------------- nothing is changed


class Uncopyable(nn.Module):
    """Counts its calls, and refuses to be copied."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls, self.log = inner, 0, []

    def forward(self, x):
        self.calls += 1
        self.log.append(self.calls)
        return self.inner(x)

    def __deepcopy__(self, memo):
        raise RuntimeError("not to be copied")


def state_of(module, optimizer):
    """Everything that must be as before."""
    flags = [
        (n, m.training, dict(m._forward_hooks), dict(m._backward_hooks))
        for n, m in module.named_modules()
    ]
    tensors = {n: t.detach().clone() for n, t in module.state_dict().items()}
    gradients = {
        n: None if p.grad is None else p.grad.clone() for n, p in module.named_parameters()
    }
    needed = {n: p.requires_grad for n, p in module.named_parameters()}
    own = [k for p in module.parameters() for k in vars(p)]
    return flags, tensors, gradients, needed, own, copy.deepcopy(optimizer.state_dict())


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def lived_in(wrap=lambda net: net):
    """A net with everything that could be disturbed: statistics, gradients, hooks, state, modes."""
    torch.manual_seed(0)
    net = wrap(
        nn.Sequential(
            nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10)
        )
    )
    next(net.parameters()).requires_grad_(False)
    net.register_forward_hook(lambda module, args, output: None)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    x = torch.randn(32, 8)
    F.cross_entropy(net(x), nets.labels(32)).backward()
    optimizer.step()
    list(net.modules())[-1].eval()
    return net, optimizer, x


@pytest.mark.parametrize("wrap", [lambda net: net, Uncopyable], ids=["copied", "not copyable"])
@pytest.mark.parametrize("failing", [False, True], ids=["whole", "after an exception"])
def test_nothing_is_changed(wrap, failing):
    net, optimizer, x = lived_in(wrap)
    before, batch = state_of(net, optimizer), x.clone()
    dictionary = {k: v for k, v in vars(net).items() if k in ("calls", "log")}
    kept = copy.deepcopy(dictionary)
    torch_state, numpy_state, python_state = (
        torch.get_rng_state(),
        np.random.get_state(),  # noqa: NPY002
        random.getstate(),
    )

    def loss(outputs, targets):
        if failing:
            raise RuntimeError("no loss today")
        return F.cross_entropy(outputs, targets)

    if failing:
        with pytest.raises(ValueError, match=r"loss must be callable .* no loss today"):
            diagnose(net, (x, nets.labels(32)), loss, optimizer)
    else:
        diagnose(net, (x, nets.labels(32)), loss, optimizer)
    assert same(before[1:], state_of(net, optimizer)[1:])
    assert before[0] == state_of(net, optimizer)[0]
    assert {k: v for k, v in vars(net).items() if k in ("calls", "log")} == kept
    assert torch.equal(x, batch) and not x.requires_grad and x.grad is None
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert all(map(np.array_equal, np.random.get_state(), numpy_state))  # noqa: NPY002
    assert random.getstate() == python_state
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


def test_a_scheduler_that_bound_the_step_does_not_lead_to_the_original():
    net, optimizer, x = lived_in()
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    before = state_of(net, optimizer)
    diagnose(net, (x, nets.labels(32)), F.cross_entropy, optimizer)
    assert same(before[1:], state_of(net, optimizer)[1:])


def test_the_same_net_gets_the_same_report():
    torch.manual_seed(0)
    net, x = nets.HEALTHY["VAE"]()
    first = diagnose(net, x).text()
    torch.manual_seed(5)
    assert diagnose(net, x).text() == first


def test_gradients_can_be_taken_where_they_are_switched_off():
    net, x = nets.HEALTHY["MLP 3, default"]()
    with torch.no_grad():
        report = diagnose(net, x)
    assert report.layers[0].gradient > 0


# ---------------------------------------------------------------------- what others' nets do


def remarks(report):
    return "\n".join(report.remarks)


def test_a_norm_that_is_healthy_does_not_hide_a_signal_that_is_dead():
    torch.manual_seed(0)
    (finding,) = diagnose(nets.mlp(30, 64), torch.randn(64, 64)).findings
    last = diagnose(nets.mlp(30, 64), torch.randn(64, 64)).layers[-1]
    assert finding.code == "signal-vanishes"
    assert last.moment > 1e-3 and last.between < 1e-12


@pytest.mark.parametrize("std", [1e-3, 0.02, 10.0])
def test_normalization_sets_the_scale_anew(std):
    torch.manual_seed(0)
    net = nets.cnn(5, 16, norm=True)
    for module in net:
        if isinstance(module, nn.Conv2d):
            init.normal_(module.weight, std=std)
    assert said(diagnose(net, nets.images(16, side=16))) == []


@pytest.mark.parametrize(
    ("parameter", "value", "fix"),
    [("bias", -10.0, "torch.nn.init.zeros_"), ("weight", 0.0, "torch.nn.init.ones_")],
)
def test_a_normalization_that_turns_units_off_is_the_one_that_is_named(parameter, value, fix):
    torch.manual_seed(0)
    net = nets.cnn(4, 16, norm=True)
    for module in net:
        if isinstance(module, nn.BatchNorm2d):
            init.constant_(getattr(module, parameter), value)
    (finding,) = diagnose(net, nets.images(16, side=16)).findings
    assert (finding.layer, finding.code) == ("1", "dead-units")
    assert finding.layers == ("1", "4", "8", "11")
    assert finding.fix.startswith(f"for name in ['1.{parameter}'") and fix in finding.fix


def test_a_normalization_that_saturates_is_the_one_that_is_named():
    torch.manual_seed(0)
    net = nets.cnn(3, 16, nn.Tanh, norm=True)
    init.constant_(net[1].weight, 20.0)
    (finding,) = diagnose(net, nets.images(16, side=16)).findings
    assert (finding.layer, finding.code) == ("1", "saturated")
    assert finding.fix == "torch.nn.init.ones_(model.get_parameter('1.weight'))"


def test_a_plain_net_of_many_normalized_layers_has_an_exploding_gradient_and_a_residual_one_has_not():
    torch.manual_seed(0)
    layers = [
        layer for _ in range(80) for layer in (nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
    ]
    (finding,) = diagnose(nn.Sequential(*layers, nn.Linear(64, 10)), torch.randn(64, 64)).findings
    assert finding.code == "gradient-explodes"
    assert "normalization" in finding.cause and "block(x)" in finding.fix
    twenty = nn.Sequential(*layers[:60], nn.Linear(64, 10))
    assert said(diagnose(twenty, torch.randn(64, 64))) == []


def test_batch_normalization_over_few_values_is_remarked_and_gives_no_verdict_on_gradients():
    torch.manual_seed(0)
    layers = [
        layer for _ in range(60) for layer in (nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
    ]
    report = diagnose(nn.Sequential(*layers, nn.Linear(64, 10)), torch.randn(4, 64))
    assert said(report) == []
    assert "as few as 4 values" in remarks(report)


def test_many_tied_or_repeated_weights_are_a_few_remarks():
    net = nn.Sequential(*[nn.Linear(8, 8) for _ in range(8)])
    twice = nn.ModuleDict({"a": net, "b": nn.Sequential(*net)})

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = twice

        def forward(self, x):
            return self.parts["b"](self.parts["a"](x))

    report = diagnose(Both(), torch.randn(16, 8))
    assert len(report.remarks) == 8
    assert "Tied under several names as well: parts.a.1.bias" in remarks(report)
    assert "and 7 more" in remarks(report) or "Used several times as well" in remarks(report)


class Strict(nn.Module):
    """Fails in the middle of its forward pass, with everything half done."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        self.inner(x)
        torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002
        self.train(False)
        raise KeyError("mid forward")


@pytest.mark.parametrize(
    "wrap", [Strict, lambda net: Uncopyable(Strict(net))], ids=["copied", "not copyable"]
)
def test_nothing_is_changed_by_a_module_that_raises_midway(wrap):
    net, optimizer, x = lived_in()
    broken = wrap(net)
    before = state_of(broken, optimizer)
    generators = torch.get_rng_state(), random.getstate()
    with pytest.raises(ValueError, match=r"raised KeyError: 'mid forward'"):
        diagnose(broken, (x, nets.labels(32)), F.cross_entropy, optimizer)
    after = state_of(broken, optimizer)
    assert before[0] == after[0] and same(before[1:], after[1:])
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


@pytest.mark.parametrize("wrap", [lambda net: net, Uncopyable], ids=["copied", "not copyable"])
def test_nothing_is_changed_by_an_optimizer_that_raises_midway(wrap):
    class Fails(torch.optim.SGD):
        def step(self, closure=None):
            super().step()
            raise AttributeError("no step today")

    net, _, x = lived_in(wrap)
    optimizer = Fails(net.parameters(), lr=0.1, momentum=0.9)
    before = state_of(net, optimizer)
    report = diagnose(net, (x, nets.labels(32)), F.cross_entropy, optimizer)
    after = state_of(net, optimizer)
    assert "The optimizer's step failed: no step today" in remarks(report)
    assert before[0] == after[0] and same(before[1:], after[1:])


def test_outputs_far_apart_are_blamed_on_the_last_layer():
    torch.manual_seed(0)
    net = scaled(nets.mlp(3, 64, nn.ReLU, nets.he), 100, 3)
    assert said(diagnose(net, torch.randn(64, 64))) == [("6", "signal-explodes")]


def test_inputs_of_another_scale_are_a_remark_and_not_the_fault_of_the_last_layer():
    torch.manual_seed(0)
    net = scaled(nets.mlp(3, 64, nn.ReLU, nets.he), 4, 3)
    x = torch.randn(64, 64)
    assert said(diagnose(net, x)) == []
    loud = diagnose(net, 138 * x)
    assert said(loud) == []
    assert any("root mean square 138" in remark for remark in loud.remarks)


def test_the_matrices_of_an_einsum_have_the_fans_that_its_equation_says():
    torch.manual_seed(0)
    report = diagnose(nets.Experts(), torch.randn(32, 32))
    fans = {layer.layer: (layer.fan_in, layer.fan_out) for layer in report.layers}
    assert fans["first"] == (32, 4 * 64)
    assert fans["second"] == (64, 32)


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_is_computed_anew_in_the_backward_pass_is_remarked(reentrant):
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nets.mlp(2, 64)

        def forward(self, x):
            return self.net[2:](checkpoint(self.net[:2], x, use_reentrant=reentrant))

    report = diagnose(Checkpointed(), torch.randn(16, 64))
    assert said(report) == []
    assert ("could not be seen for net.0" in remarks(report)) == reentrant


def test_a_module_in_which_nothing_is_seen_is_not_called_healthy():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(8, 3))

        def forward(self, x):
            return torch.vmap(lambda row: row @ self.w)(x)

    report = diagnose(Hidden(), torch.randn(16, 8))
    assert "nothing to judge" in report.verdict
    assert "inside cannot be seen: Hidden" in remarks(report)
    assert "<table" not in report.html()


def test_weights_without_modules_and_functions_without_modules_are_seen():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.ParameterList(nn.Parameter(torch.randn(64, 64) * 0.01) for _ in range(5))

        def forward(self, x):
            for w in self.w:
                x = torch.tanh(x @ w)
            return x

    report = diagnose(Bare(), torch.randn(32, 64))
    assert said(report) == [("w.0", "signal-vanishes")]
    assert [layer.activation for layer in report.layers] == ["tanh"] * 5


def test_shared_frozen_and_unused_layers_are_remarked():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
            self.b.weight = self.a.weight
            self.a.weight.requires_grad_(False)

        def forward(self, x):
            return self.b(torch.tanh(self.a(torch.tanh(self.a(x)))))

    text = remarks(diagnose(Odd(), torch.randn(16, 8)))
    assert "a.weight and b.weight are one tensor" in text
    assert "a.weight is used 3 times" in text
    assert "Frozen, but examined like the others: a.weight" in text
    assert "(unused for this batch, or detached): c." in text


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers_get_their_shapes_on_the_copy_only():
    net = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(4))
    report = diagnose(net, torch.randn(16, 8))
    assert "Lazy layers (0, 2)" in remarks(report)
    assert report.layers[0].fan_in == 8
    assert isinstance(net[0].weight, nn.parameter.UninitializedParameter)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_are_measured(dtype):
    torch.manual_seed(0)
    net = nets.mlp(4, 64, nn.ReLU, nets.he).to(dtype)
    report = diagnose(net, torch.randn(32, 64, dtype=dtype))
    assert said(report) == []
    assert 0.5 < report.layers[1].moment < 4  # He keeps 2; twelve standard errors of a narrow net
    assert ("moments were computed in float64" in remarks(report)) == (dtype != torch.float64)


def test_outputs_and_inputs_of_any_structure():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Linear(8, 16), nn.Linear(4, 16), nn.Linear(16, 3)

        def forward(self, left, right):
            h = torch.tanh(self.a(left) + self.b(right))
            return {"logits": self.out(h), "hidden": (h, [h.mean()])}

    left, right = torch.randn(16, 8), torch.randn(16, 4)
    for inputs in ((left, right), {"left": left, "right": right}):
        report = diagnose(Pair(), (inputs, None))
        assert said(report) == []
        assert [layer.layer for layer in report.layers] == ["a", "b", "out"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_modules_whose_inside_cannot_be_seen_are_listed():
    net = nn.Sequential(torch.jit.script(nn.Linear(8, 8)), nn.Tanh(), nn.Linear(8, 2))
    report = diagnose(net, torch.randn(16, 8))
    assert "inside cannot be seen: 0" in remarks(report)
    assert said(report) == []
    wrapped = diagnose(nn.DataParallel(nn.Linear(8, 2)), torch.randn(16, 8))
    assert "DataParallel was unwrapped" in remarks(wrapped)


def test_an_own_backward_function_does_not_break_the_chain():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):
            return 2 * gradient

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = scaled(nets.mlp(4, 64, nn.Tanh, init.xavier_uniform_), 0.1)

        def forward(self, x):
            return self.layers(Double.apply(self.layers[:2](x)))

    assert said(diagnose(Net(), torch.randn(32, 64)))[0][1] == "signal-vanishes"


def test_weight_normalization_and_parametrizations_have_their_layers_names():
    net = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(8, 16)), nn.Tanh(), nn.Linear(16, 2)
    )
    report = diagnose(net, torch.randn(16, 8))
    assert [layer.layer for layer in report.layers] == ["0", "2"]


def test_values_that_are_no_numbers_are_found():
    net = nets.mlp(3, 16)
    with torch.no_grad():
        net[2].weight[0, 0] = math.nan
    report = diagnose(net, torch.randn(16, 64))
    assert said(report) == [("2", "signal-explodes")]
    assert "2.weight" in report.findings[0].cause
    huge = nets.mlp(12, 64, nn.ReLU, lambda w: init.normal_(w, std=1e5))
    assert said(diagnose(huge, torch.randn(16, 64))) == [("0", "signal-explodes")]


def test_a_detached_branch_a_module_without_parameters_and_one_example_are_remarked():
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.b(torch.tanh(self.a(x)).detach())

    assert "(unused for this batch, or detached): a." in remarks(
        diagnose(Cut(), torch.randn(16, 8))
    )
    assert "no parameters" in remarks(diagnose(nn.ReLU(), torch.randn(16, 8)))
    assert "one example" in remarks(diagnose(nn.Linear(8, 2), torch.randn(1, 8)))


def test_integers_and_sequences_that_come_time_first_are_understood():
    lstm = nn.LSTM(28, 32)
    assert said(diagnose(lstm, (torch.randn(30, 16, 28), nets.labels(16)))) == []
    packed = nn.utils.rnn.pack_sequence([torch.randn(n, 28) for n in (9, 7, 5, 5)])
    assert said(diagnose(lstm, packed)) == []


# ---------------------------------------------------------------------- bad input

LINEAR = nn.Linear(4, 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((print, torch.ones(4, 4)), "module must be a torch.nn.Module, got <built-in"),
        ((LINEAR, "text"), "batch must hold at least one tensor of inputs, got 'text'"),
        ((LINEAR, torch.ones(0, 4)), r"batch must not be empty, got shape \(0, 4\)"),
        ((LINEAR, torch.full((2, 4), math.nan)), "batch must hold finite numbers, got nan"),
        ((LINEAR, torch.ones(2, 5)), r"batch must suit the module, got shapes \(2, 5\)"),
        ((LINEAR, (torch.ones(2, 4),) * 3), "batch must be inputs or .* got 3 items"),
        ((nn.Bilinear(4, 4, 2), torch.ones(2, 4)), r"passed as \(\(first, second\), targets\)"),
        ((LINEAR, torch.ones(2, 4), 3), "loss must be callable .* got 3"),
        (
            (LINEAR, torch.ones(2, 4), lambda o, t: o),
            r"loss must return a tensor of one number, got .*\(2, 2\)",
        ),
        (
            (LINEAR, torch.ones(2, 4), None, "adam"),
            "optimizer must be a torch.optim.Optimizer, got 'adam'",
        ),
        (
            (LINEAR, torch.ones(2, 4), None, torch.optim.SGD(nn.Linear(1, 1).parameters())),
            "optimizer must hold parameters of the module, got SGD",
        ),
    ],
)
def test_bad_input_is_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        diagnose(*arguments)


# ---------------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def broken():
    torch.manual_seed(0)
    return diagnose(nets.mlp(30, 64), torch.randn(64, 64))


def test_the_text_says_the_cause_within_ten_lines_of_eighty_columns(broken):
    lines = broken.text().splitlines()
    head = "\n".join(lines[:10])
    assert "signal-vanishes at 0" in head and "too small" in head and "Fix: " in head
    assert all(len(line) <= 80 for line in lines if not line.startswith("  Fix: "))
    assert str(broken) == broken.text()


def test_long_names_and_wide_layers_stay_within_eighty_columns_and_a_step_is_summed_up():
    torch.manual_seed(0)
    layers = {"a_rather_long_name_of_a_layer": nn.Linear(16, 12345), "x" * 40: nn.Linear(12345, 10)}
    net = nn.Sequential(OrderedDict(layers))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-5)
    batch = torch.randn(16, 16), nets.labels(16)
    text = diagnose(net, batch, F.cross_entropy, optimizer).text()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert re.search(r"Update / weights: \S+ \(\S+ to \S+\)", " ".join(text.split()))


def test_the_page_stands_alone_without_scripts_and_escapes_names(broken):
    page = broken.html()
    assert page.startswith("<!DOCTYPE html>") and '<html lang="en">' in page
    assert "<script" not in page and "http" not in page
    assert page.count("<tr") == 1 + len(broken.layers)
    assert (
        "Dead</th>" in page and "Saturated</th>" not in page
    )  # a column without a value is left out
    assert "signal-vanishes" in page
    assert (
        broken._repr_html_() in page.replace("<h1>", "<h3>")
        or "glorot-diagnosis" in broken._repr_html_()
    )


def test_the_data_are_plain(broken):
    data = json.loads(json.dumps(broken.as_dict(), allow_nan=False))
    assert data["findings"][0]["code"] == "signal-vanishes"
    assert data["layers"][-1]["activation"] == ""
    assert data["layers"][0]["saturated"] is None


def test_every_code_is_of_the_list(broken):
    assert {case.code for case in CASES} == set(CODES)


def test_schemes_are_recognized():
    torch.manual_seed(0)
    draws = {
        "PyTorch's default (heuristic), uniform": lambda w: None,
        "He, normal": nets.he,
        "Glorot, uniform": init.xavier_uniform_,
        "LeCun, normal": nets.lecun,
        "orthogonal, gain 1": init.orthogonal_,
        "none: 0.14 × Glorot's std, normal": lambda w: init.normal_(w, std=0.01),
    }
    for scheme, draw in draws.items():
        layer = nn.Linear(300, 100)
        draw(layer.weight)
        assert diagnose(layer, torch.randn(16, 300)).layers[0].scheme == scheme


def test_the_nearest_of_the_schemes_that_fit_is_named():
    torch.manual_seed(0)
    stem, widening = nn.Conv2d(3, 64, 7), nn.Conv2d(16, 32, 3)
    for layer in (stem, widening):
        init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    schemes = [
        diagnose(m, nets.images(16, m.in_channels)).layers[0].scheme for m in (stem, widening)
    ]
    assert schemes == ["He by fan-out, normal", "LeCun = He by fan-out, normal"]


def test_measurements_are_what_a_hand_would_compute():
    torch.manual_seed(0)
    net, x = nets.mlp(1, 32, nn.Tanh), torch.randn(50, 64)
    first = diagnose(net, (x, nets.labels(50)), F.cross_entropy).layers[0]
    z = net[0](x)
    z.retain_grad()
    F.cross_entropy(net[2](torch.tanh(z)), nets.labels(50)).backward()
    assert first.moment == pytest.approx(z.square().mean().item(), rel=1e-5)
    assert first.between == pytest.approx(z.var(dim=0).mean().item(), rel=1e-5)
    assert first.gradient == pytest.approx(z.grad.square().mean().item(), rel=1e-4)
    assert first.weight_gradient == pytest.approx(
        net[0].weight.grad.square().mean().item(), rel=1e-4
    )


def test_the_figure_says_what_the_report_found(broken):
    figure = diagnosis(broken)
    assert "signal-vanishes at 0 and 29 more layers" in figure.alt
    assert "31 layers of Sequential" in figure.alt
    assert set(re.findall(r"#[0-9a-f]{6}\b", figure.svg())) <= set(DARK)
    healthy = diagnosis(diagnose(nets.mlp(2, 64), torch.randn(32, 64)))
    assert "No fault was found" in healthy.alt
