"""Reads Bicep from standard input with two parsers and prints what they make of it as JSON."""

import json
import sys

import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

text = sys.stdin.read()
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
tree = parser.parse(text.encode())


def find_faults(node):
    if node.type == "ERROR" or node.is_missing:
        return [f"line {node.start_point[0] + 1}: {node.type}"]
    return [fault for child in node.children for fault in find_faults(child)]


def find_strings(node):
    if node.type == "string" and node.is_named:
        return [node.text.decode()[1:-1]]
    return [string for child in node.children for string in find_strings(child)]


root = tree.root_node
result = {"faults": find_faults(root), "strings": find_strings(root), "meaning": None}
try:
    result["meaning"] = BicepParser().parse(text=text)
except Exception as error:  # The parser raises errors of the library below it.
    result["meaning fault"] = str(error).splitlines()[0]
print(json.dumps(result))
