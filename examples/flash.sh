#!/bin/sh
# A budget in another language: the bytes that the network takes in a device whose flash is written in pages of 4096.
# The last argument is the path of the candidate as an ONNX file. One number on standard output is its cost; any status but 0 ends the search.
#
#     espalier prune model.onnx --data ... --budget 'command:./examples/flash.sh<=120000' --out small.onnx
bytes=$(wc -c < "$1") || exit 1
echo $(((bytes + 4095) / 4096 * 4096))
