"""Networks for the diagnosis: healthy ones as they are published and used, and plain ones to be broken."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn import init

CLASSES = 10


def labels(examples: int) -> torch.Tensor:
    return torch.arange(examples) % CLASSES


def images(examples: int, channels: int = 3, side: int = 32) -> torch.Tensor:
    """Smooth random images, standardized: neighbors are alike, as in photographs."""
    coarse = torch.randn(examples, channels, side // 4, side // 4)
    smooth = F.interpolate(coarse, size=side, mode="bilinear") + 0.3 * torch.randn(
        examples, channels, side, side
    )
    return (smooth - smooth.mean()) / smooth.std()


def mlp(depth, width, activation=nn.ReLU, draw=None, inputs=64) -> nn.Sequential:
    """``depth`` hidden layers; ``draw`` fills their weights and the biases become 0."""
    layers = []
    for fan_in in [inputs, *[width] * (depth - 1)]:
        layers += [nn.Linear(fan_in, width), activation()]
    return drawn(nn.Sequential(*layers, nn.Linear(width, CLASSES)), draw)


def drawn(net, draw):
    for module in net.modules():
        if draw is not None and isinstance(module, (nn.Linear, nn.Conv2d)):
            draw(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
    return net


def he(weight):
    init.kaiming_normal_(weight, nonlinearity="relu")


def lecun(weight):
    init.normal_(weight, std=math.sqrt(1 / init._calculate_correct_fan(weight, "fan_in")))


def cnn(depth, width, activation=nn.ReLU, draw=None, norm=False, side=16) -> nn.Sequential:
    layers = []
    for number, channels in enumerate([3, *[width] * (depth - 1)]):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=not norm)]
        layers += [nn.BatchNorm2d(width)] if norm else []
        layers += [activation()]
        layers += [nn.MaxPool2d(2)] if number in (1, 3) else []
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))
    return drawn(net, draw)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class BasicBlock(nn.Module):
    """He et al. (2016), CIFAR form: option A shortcuts, or projections as on ImageNet."""

    def __init__(self, inputs, outputs, stride, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.stride, self.grow = stride, outputs - inputs
        self.project = None
        if projection and (stride > 1 or self.grow):
            self.project = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def shortcut(self, x):
        if self.project is not None:
            return self.project(x)
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.grow // 2, self.grow - self.grow // 2))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, widths, blocks, projection, stem):
        super().__init__()
        self.stem, inputs, stages = stem, widths[0], []
        for stage, width in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                stages.append(BasicBlock(inputs, width, stride, projection))
                inputs = width
        self.blocks, self.fc = nn.Sequential(*stages), nn.Linear(inputs, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


def resnet20() -> ResNet:
    """The CIFAR net of He et al. (2016): 3 × 3 blocks of 16, 32, 64 channels."""
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return ResNet((16, 32, 64), 3, projection=False, stem=stem)


def resnet18() -> ResNet:
    """The ImageNet net of He et al. (2016): 4 × 2 blocks of 64 to 512 channels."""
    stem = nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    )
    return ResNet((64, 128, 256, 512), 2, projection=True, stem=stem)


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.outputs = 4 * width
        shapes = ((inputs, width, 1), (width, width, 3), (width, self.outputs, 1))
        strides = (1, stride, 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(*shape, s, shape[2] // 2, bias=False)
            for shape, s in zip(shapes, strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(shape[1]) for shape in shapes)
        self.project = nn.Identity()
        if stride > 1 or inputs != self.outputs:
            self.project = nn.Sequential(
                nn.Conv2d(inputs, self.outputs, 1, stride, bias=False), nn.BatchNorm2d(self.outputs)
            )

    def forward(self, x):
        out = x
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            out = norm(conv(out if number == 0 else F.relu(out)))
        return F.relu(out + self.project(x))


def bottlenecks(width=8) -> nn.Sequential:
    """ResNet-50 of He et al. (2016), an eighth as wide: 3, 4, 6 and 3 blocks."""
    layers = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = width
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(Bottleneck(inputs, width << stage, stride))
            inputs = layers[-1].outputs
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


class Attention(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.causal = heads, causal

    def forward(self, x):
        batch, time, width = x.shape
        parts = self.qkv(x).view(batch, time, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.proj(mixed.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.fc, self.proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        x = x + self.drop(self.attention(self.ln1(x)))
        return x + self.drop(self.proj(F.gelu(self.fc(self.ln2(x)))))


class GPT(nn.Module):
    """Radford et al. (2019): pre-norm, N(0, 0.02), residual projections by 1/√(2N), tied head."""

    def __init__(self, depth=4, width=64, vocabulary=50, tied=True):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(32, width)
        self.blocks = nn.ModuleList(Block(width, 4, causal=True) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                last = name.endswith("proj.weight")
                init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if last else 0.02)
        if tied:
            self.head.weight = self.token.weight

    def forward(self, tokens):
        x = self.token(tokens) + self.place(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class ViT(nn.Module):
    """Dosovitskiy et al. (2021), tiny: patches, class token, truncated N(0, 0.02)."""

    def __init__(self, depth=4, width=96):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(torch.zeros(1, 65, width))
        self.blocks = nn.Sequential(*(Block(width, 4, causal=False) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.trunc_normal_(parameter, std=0.02)
        init.zeros_(self.head.weight)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.place
        return self.head(self.norm(self.blocks(x))[:, 0])


class Mixer(nn.Module):
    """Tolstikhin et al. (2021) with PyTorch's default draws."""

    class Layer(nn.Module):
        def __init__(self, places, width):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.places = nn.Sequential(nn.Linear(places, 32), nn.GELU(), nn.Linear(32, places))
            self.channels = nn.Sequential(nn.Linear(width, 128), nn.GELU(), nn.Linear(128, width))

        def forward(self, x):
            x = x + self.places(self.ln1(x).transpose(1, 2)).transpose(1, 2)
            return x + self.channels(self.ln2(x))

    def __init__(self, width=64):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.layers = nn.Sequential(*(self.Layer(64, width) for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.layers(self.patch(x).flatten(2).transpose(1, 2))
        return self.head(self.norm(x).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM, width=64, layers=2, inputs=28, **options):
        super().__init__()
        self.rnn = kind(inputs, width, num_layers=layers, batch_first=True, **options)
        self.fc = nn.Linear(width * (1 + self.rnn.bidirectional), CLASSES)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class UNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()

        def double(inputs, outputs):
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, 3, padding=1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            )

        self.down1, self.down2 = double(3, width), double(width, 2 * width)
        self.middle = double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.mix2, self.mix1 = double(4 * width, 2 * width), double(2 * width, width)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.middle(F.max_pool2d(two, 2))
        x = self.mix2(torch.cat([self.up2(x), two], 1))
        return self.out(self.mix1(torch.cat([self.up1(x), one], 1)))


def dcgan_generator() -> nn.Sequential:
    """Radford et al. (2016): N(0, 0.02) everywhere, batch normalization but at the end."""
    layers = []
    for inputs, outputs, stride, padding in ((100, 128, 1, 0), (128, 64, 2, 1), (64, 32, 2, 1)):
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(True),
        ]
    net = nn.Sequential(*layers, nn.ConvTranspose2d(32, 3, 4, 2, 1, bias=False), nn.Tanh())
    for module in net:
        if isinstance(module, nn.ConvTranspose2d):
            init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.BatchNorm2d):
            init.normal_(module.weight, 1.0, 0.02)
    return net


def dcgan_discriminator() -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(3, 32, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 1, 4),
        nn.Sigmoid(),
    )
    for module in net:
        if isinstance(module, nn.Conv2d):
            init.normal_(module.weight, std=0.02)
    return net


class BagOfWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(100, 32), nn.Linear(32, CLASSES)

    def forward(self, tokens):
        return self.fc(self.embedding(tokens).mean(1))


class Encoder(nn.Module):
    """PyTorch's own encoder layers, as they come."""

    def __init__(self, norm_first, depth=4, std=1.0):
        super().__init__()
        self.embedding = nn.Embedding(100, 64)
        init.normal_(self.embedding.weight, std=std)
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, tokens):
        return self.fc(self.encoder(self.embedding(tokens)).mean(1))


class ResidualMLP(nn.Module):
    """x + f(x), without normalization; the last layer of a branch can start at zero."""

    def __init__(self, depth, width, zero=True, draw=he):
        super().__init__()
        self.first, self.head = nn.Linear(64, width), nn.Linear(width, CLASSES)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        drawn(self, draw)
        for block in self.blocks if zero else ():
            init.zeros_(block[2].weight)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


class RMSNorm(nn.Module):
    """Written out, as many do."""

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.scale * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class Llama(nn.Module):
    """Pre-norm with RMSNorm and gated units; N(0, 0.02)."""

    class Layer(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.n1, self.n2 = RMSNorm(width), RMSNorm(width)
            self.attention = Attention(width, 4, causal=True)
            self.gate = nn.Linear(width, 172, bias=False)
            self.up, self.down = (
                nn.Linear(width, 172, bias=False),
                nn.Linear(172, width, bias=False),
            )

        def forward(self, x):
            x = x + self.attention(self.n1(x))
            h = self.n2(x)
            return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def __init__(self, width=64):
        super().__init__()
        self.token = nn.Embedding(50, width)
        self.layers = nn.Sequential(*(self.Layer(width) for _ in range(4)))
        self.norm, self.head = RMSNorm(width), nn.Linear(width, 50, bias=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        return self.head(self.norm(self.layers(self.token(tokens))))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.mean, self.logvar = nn.Linear(128, 16), nn.Linear(128, 16)
        self.decode = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        h = self.encode(x)
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * logvar)
        return {"reconstruction": self.decode(z), "mean": mean, "logvar": logvar}


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(16 + 12 * k), nn.ReLU(), nn.Conv2d(16 + 12 * k, 12, 3, padding=1)
            )
            for k in range(6)
        )
        self.norm, self.fc = nn.BatchNorm2d(88), nn.Linear(88, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.fc(F.relu(self.norm(x)).mean((2, 3)))


class Diffusion(nn.Module):
    """A block of Ho et al. (2020): time is added in the branch, whose last convolution starts at zero."""

    def __init__(self, width=32):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(width, 64), nn.SiLU(), nn.Linear(64, width))
        self.first, self.last = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, 3, 3, 1, 1)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(2))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(3))
        init.zeros_(self.convs[1].weight)
        init.zeros_(self.last.weight)

    def forward(self, x, step):
        rates = torch.exp(-torch.arange(16) / 16 * math.log(1e4))
        angles = step[:, None].float() * rates
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        x = self.first(x)
        h = self.convs[0](F.silu(self.norms[0](x))) + time[:, :, None, None]
        x = x + self.convs[1](F.silu(self.norms[1](h)))
        return self.last(F.silu(self.norms[2](x)))


class GRUCells(nn.Module):
    """A recurrence written as a loop."""

    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.GRUCell(28, 64), nn.Linear(64, CLASSES)

    def forward(self, x):
        h = x.new_zeros(len(x), 64)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.fc(h)


def tokens(examples=16, length=24, vocabulary=50):
    return torch.randint(vocabulary, (examples, length))


def _vgg():
    return nn.Sequential(cnn(6, 32, norm=True)[:-1], nn.Linear(128, 10))


class AttentionPooling(nn.Module):
    """A learned query that every example's tokens are asked by."""

    def __init__(self, dim=32, bias_kv=False):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, dim))
        self.attention = nn.MultiheadAttention(dim, 4, batch_first=True, add_bias_kv=bias_kv)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        query = self.query.expand(len(x), -1, -1)
        return self.head(self.attention(query, x, x)[0][:, 0])


class Perceiver(nn.Module):
    """Learned latents that are repeated for each example, normalized and projected to queries."""

    def __init__(self, dim=64, latents=16):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, dim))
        self.embed, self.norm = nn.Linear(3, dim), nn.LayerNorm(dim)
        self.to_query, self.to_pair = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim)
        self.out, self.head = nn.Linear(dim, dim), nn.Linear(dim, 10)

    def forward(self, x):
        latents = self.latents[None].repeat(len(x), 1, 1)
        query = self.to_query(self.norm(latents))
        key, value = self.to_pair(self.norm(self.embed(x))).chunk(2, -1)
        scores = torch.einsum("bid,bjd->bij", query, key) / query.shape[-1] ** 0.5
        return self.head((latents + self.out(scores.softmax(-1) @ value)).mean(1))


class Detector(nn.Module):
    """Patches and learned object queries through an encoder and a decoder."""

    def __init__(self, dim=64, queries=10):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, 8, 8)
        self.places = nn.Parameter(torch.rand(16, dim))
        self.queries = nn.Parameter(torch.rand(queries, dim))
        self.transformer = nn.Transformer(dim, 4, 2, 2, 128, dropout=0.0, batch_first=True)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        queries = self.queries[None].repeat(len(x), 1, 1)
        return self.head(self.transformer(tokens, queries).mean(1))


class Experts(nn.Module):
    """A soft mixture of four two-layer networks, weights in arrays of rank three."""

    def __init__(self, dim=32, hidden=64, experts=4):
        super().__init__()
        self.gate = nn.Linear(dim, experts)
        self.first = nn.Parameter(torch.randn(experts, dim, hidden) * (2 / dim) ** 0.5)
        self.second = nn.Parameter(torch.randn(experts, hidden, dim) * hidden**-0.5)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        share = self.gate(x).softmax(-1)
        hidden = torch.relu(torch.einsum("bd,edh->beh", x, self.first))
        answers = torch.einsum("beh,ehd->bed", hidden, self.second)
        return self.head((share[..., None] * answers).sum(1))


HEALTHY = {
    "linear regression": lambda: (nn.Linear(20, 1), torch.randn(64, 20)),
    "MLP 3, default": lambda: (mlp(2, 128), torch.randn(64, 64)),
    "MLP 5, default": lambda: (mlp(4, 64), torch.randn(64, 64)),
    "MLP tanh Glorot": lambda: (mlp(5, 100, nn.Tanh, init.xavier_uniform_), torch.randn(64, 64)),
    "MLP tanh Glorot, 50 layers": lambda: (
        mlp(50, 64, nn.Tanh, init.xavier_uniform_),
        torch.randn(64, 64),
    ),
    "MLP ReLU He, 20 layers": lambda: (mlp(20, 64, nn.ReLU, he), torch.randn(64, 64)),
    "MLP ReLU He, 50 layers": lambda: (mlp(50, 100, nn.ReLU, he), torch.randn(64, 64)),
    "MLP SELU LeCun, 20 layers": lambda: (mlp(20, 64, nn.SELU, lecun), torch.randn(64, 64)),
    "MLP GELU default": lambda: (mlp(3, 64, nn.GELU), torch.randn(64, 64)),
    "MLP two inputs, wide, Glorot": lambda: (
        mlp(4, 512, nn.Tanh, init.xavier_uniform_, inputs=2),
        torch.randn(64, 2),
    ),
    "MLP orthogonal tanh": lambda: (mlp(30, 64, nn.Tanh, init.orthogonal_), torch.randn(64, 64)),
    "MLP sigmoid, one hidden": lambda: (mlp(1, 64, nn.Sigmoid), torch.randn(64, 64)),
    "LeNet": lambda: (LeNet(), images(16, 1, 28)),
    "CNN, default": lambda: (cnn(4, 32), images(16, side=16)),
    "CNN He": lambda: (cnn(10, 32, draw=he), images(16, side=16)),
    "VGG-like, batch norm": lambda: (cnn(8, 32, norm=True), images(16, side=16)),
    "ResNet-20": lambda: (resnet20(), images(16)),
    "ResNet-18": lambda: (resnet18(), images(8, side=64)),
    "LSTM": lambda: (Recurrent(), torch.randn(16, 28, 28)),
    "LSTM, 3 layers, bidirectional": lambda: (
        Recurrent(layers=3, bidirectional=True),
        torch.randn(16, 28, 28),
    ),
    "GRU": lambda: (Recurrent(nn.GRU), torch.randn(16, 28, 28)),
    "RNN": lambda: (Recurrent(nn.RNN), torch.randn(16, 28, 28)),
    "GRU cells": lambda: (GRUCells(), torch.randn(16, 28, 28)),
    "GPT-2-like": lambda: (GPT(), tokens()),
    "Llama-like": lambda: (Llama(), tokens()),
    "ViT": lambda: (ViT(), images(16)),
    "MLP-Mixer": lambda: (Mixer(), images(16)),
    "encoder, pre-norm": lambda: (Encoder(True), tokens()),
    "encoder, post-norm": lambda: (Encoder(False), tokens()),
    "encoder, small embeddings": lambda: (Encoder(True, std=0.02), tokens()),
    "autoencoder": lambda: (
        nn.Sequential(
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.Linear(32, 8),
            nn.Linear(8, 32),
            nn.ReLU(),
            nn.Linear(32, 64),
            nn.Sigmoid(),
        ),
        torch.rand(64, 64),
    ),
    "VAE": lambda: (VAE(), torch.randn(64, 64)),
    "U-Net": lambda: (UNet(), images(8)),
    "DenseNet-like": lambda: (DenseNet(), images(16)),
    "DCGAN generator": lambda: (dcgan_generator(), torch.randn(16, 100, 1, 1)),
    "DCGAN discriminator": lambda: (dcgan_discriminator(), images(16)),
    "ResNet-50, narrow": lambda: (bottlenecks(), images(8, side=64)),
    "diffusion": lambda: (Diffusion(), ((images(16), torch.randint(1000, (16,))), None)),
    "attention pooling": lambda: (AttentionPooling(), torch.randn(16, 9, 32)),
    "attention pooling, biased keys": lambda: (
        AttentionPooling(bias_kv=True),
        torch.randn(16, 9, 32),
    ),
    "Perceiver": lambda: (Perceiver(), torch.randn(16, 50, 3)),
    "detector": lambda: (Detector(), images(16)),
    "experts": lambda: (Experts(), torch.randn(32, 32)),
    "bag of words": lambda: (BagOfWords(), tokens(32)),
    "residual MLP, zero-initialized": lambda: (ResidualMLP(12, 64), torch.randn(64, 64)),
    "residual MLP, He, 8 blocks": lambda: (ResidualMLP(8, 64, zero=False), torch.randn(64, 64)),
}
