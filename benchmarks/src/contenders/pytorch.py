"""PyTorch on the CPU, as a peer: `pytorch.py THREADS`. Does what the lines of its standard input ask (JSON, one request a line) and answers each with a line.

A network comes as a file of our own making (pytorch.ts): a line of JSON, then the numbers it speaks of, little-endian. Times are taken here.
"""

import json
import sys
import time

import torch
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

torch.set_num_threads(int(sys.argv[1]))


class Network(torch.nn.Module):
    """The graph, node by node. Weights are parameters, statistics of batch normalisation are buffers, as in torch.nn's own modules."""

    def __init__(self, head, tensors):
        super().__init__()
        self.nodes, self.input, self.output = head["nodes"], head["input"], head["output"]
        running = {name for node in self.nodes if node["op"] == "BatchNormalization" for name in node["inputs"][3:]}
        self.names = {name: f"p{i}" for i, name in enumerate(tensors)}
        for name, value in tensors.items():
            if name in running:
                self.register_buffer(self.names[name], value.clone())
            else:
                self.register_parameter(self.names[name], torch.nn.Parameter(value.clone()))

    def folded(self):
        """Normalisation folded into the convolutions before it, by torch's own function. For inference."""
        values = {name: getattr(self, key).detach() for name, key in self.names.items()}
        nodes = []
        for node in self.nodes:
            if node["op"] == "BatchNormalization" and nodes[-1]["op"] == "Conv":
                w, b = [values.get(name) for name in (nodes[-1]["inputs"] + [None])[1:3]]
                gamma, beta, mean, variance = [values.pop(name) for name in node["inputs"][1:]]
                w, b = fuse_conv_bn_weights(w, b, mean, variance, node["attributes"]["epsilon"], gamma, beta)
                weight = nodes[-1]["inputs"][1]
                values[weight], values[f"{weight} bias"] = w, b
                inputs = [nodes[-1]["inputs"][0], weight, f"{weight} bias"]
                nodes[-1] = {**nodes[-1], "inputs": inputs, "outputs": node["outputs"]}
            else:
                nodes.append(node)
        used = {name for node in nodes for name in node["inputs"]}
        values = {name: value.detach() for name, value in values.items() if name in used}
        return Network({"nodes": nodes, "input": self.input, "output": self.output}, values)

    def forward(self, images):
        values = {name: getattr(self, key) for name, key in self.names.items()}
        values[self.input] = images
        for node in self.nodes:
            values[node["outputs"][0]] = self.apply_node(node, [values[name] for name in node["inputs"]])
        return values[self.output]

    def apply_node(self, node, inputs):
        op, attributes, x = node["op"], node["attributes"], inputs[0]
        if op == "Conv":
            bias = inputs[2] if len(inputs) > 2 else None
            return functional.conv2d(x, inputs[1], bias, attributes["strides"], attributes["pads"][:2], 1, attributes.get("group", 1))
        if op == "BatchNormalization":
            _, gamma, beta, mean, variance = inputs
            return functional.batch_norm(x, mean, variance, gamma, beta, self.training, 0.1, attributes["epsilon"])
        if op == "Relu":
            return functional.relu(x)
        if op == "Clip":
            return functional.relu6(x)
        if op == "Add":
            return x + inputs[1]
        if op == "MaxPool":
            return functional.max_pool2d(x, attributes["kernel_shape"], attributes["strides"], attributes["pads"][:2])
        if op == "GlobalAveragePool":
            return functional.adaptive_avg_pool2d(x, 1)
        if op == "Flatten":
            return torch.flatten(x, 1)
        if op == "Gemm":
            return functional.linear(x, inputs[1], inputs[2])
        raise ValueError(f"{op} is not written for PyTorch")


def load(path):
    with open(path, "rb") as file:
        head = json.loads(file.readline())
        data = bytearray(file.read())
    numbers = {
        each["name"]: torch.frombuffer(data, dtype=torch.float32, count=each["count"], offset=each["offset"]).reshape(each["dims"]).clone()
        for each in head["tensors"]
    }
    return head, numbers


def prepare(request):
    head, numbers = load(request["path"])
    memory = torch.channels_last if request["layout"] == "channels last" else torch.contiguous_format
    images, labels = numbers.pop("images").to(memory_format=memory), torch.tensor(head["labels"])
    network = Network(head, numbers)
    return inference(network, images, memory) if request["pass"] == "forward" else training(network, images, labels, memory, head)


def inference(network, images, memory):
    network = network.folded().eval().to(memory_format=memory)

    def run():
        with torch.inference_mode():
            return network(images)

    return run, lambda: run().flatten().tolist()


def training(network, images, labels, memory, head):
    network = network.train().to(memory_format=memory)
    optimizer = torch.optim.SGD(network.parameters(), lr=head["learningRate"], momentum=head["momentum"])

    def step():
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step, lambda: [step().item() for _ in range(head["comparedSteps"])]


def main():
    prepared = {}
    for line in sys.stdin:
        request = json.loads(line)
        action, name = request["action"], request.get("name")
        value = None
        try:
            if action == "describe":
                value = {"torch": torch.__version__, "threads": torch.get_num_threads(), "simd": torch.backends.cpu.get_cpu_capability()}
            elif action == "prepare":
                prepared[name] = prepare(request)
            elif action == "once":
                start, used = time.perf_counter(), time.process_time()
                prepared[name][0]()
                value = {"ms": (time.perf_counter() - start) * 1000, "processorMs": (time.process_time() - used) * 1000}
            elif action == "outputs":
                value = prepared[name][1]()
            elif action == "dispose":
                del prepared[name]
            reply = {"value": value}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
