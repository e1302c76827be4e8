"""The messages of an ONNX file that scoring reads, without the package `onnx`.

Importing `onnx` takes a tenth of the time in which ten reviews are scored, mostly for operators,
helpers and text formats. So the class `ModelProto` is made from a table of the fields that the
toolkit looks at, with their names and numbers in `onnx.proto`. protobuf keeps all other fields as
bytes and writes them again, so a model loses nothing.

For mypy it is the class of `onnx`. Where a function of `onnx` needs one of its own, make it with
``onnx.ModelProto.FromString(model.SerializeToString())``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

__all__ = ["EXTERNAL", "FLOAT", "INT32", "STRING", "TYPE_NAMES", "ModelProto", "array_of"]

# Values of `TensorProto.DataType` and of `TensorProto.DataLocation`.
FLOAT, INT32, STRING = 1, 6, 8
EXTERNAL = 1

# Of all data types, by value; the first two of floating point are named as NumPy names them.
_TYPE_NAMES = """
    undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32
    uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz
    uint4 int4 float4e2m1 float8e8m0 uint2 int2 float6e2m3 float6e3m2
"""
TYPE_NAMES = tuple(_TYPE_NAMES.split())

# Of data types: how numbers are stored, and the field that has them where `raw_data` has not.
_TYPES = {
    FLOAT: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    INT32: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
}

# Number and type of each field. With *, it is a list. What only has to be found is bytes, also
# where it is a message: a graph in a node is refused, whatever is in it.
_MESSAGES = {
    "ModelProto": {
        "ir_version": (1, "int64"),
        "producer_name": (2, "string"),
        "producer_version": (3, "string"),
        "domain": (4, "string"),
        "model_version": (5, "int64"),
        "doc_string": (6, "string"),
        "graph": (7, "GraphProto"),
        "opset_import": (8, "OperatorSetIdProto*"),
        "metadata_props": (14, "StringStringEntryProto*"),
        "functions": (25, "bytes*"),
    },
    "OperatorSetIdProto": {"domain": (1, "string"), "version": (2, "int64")},
    "StringStringEntryProto": {"key": (1, "string"), "value": (2, "string")},
    "GraphProto": {
        "node": (1, "NodeProto*"),
        "name": (2, "string"),
        "initializer": (5, "TensorProto*"),
        "input": (11, "ValueInfoProto*"),
        "output": (12, "ValueInfoProto*"),
        "value_info": (13, "ValueInfoProto*"),
        "quantization_annotation": (14, "bytes*"),
        "sparse_initializer": (15, "bytes*"),
    },
    "NodeProto": {
        "input": (1, "string*"),
        "output": (2, "string*"),
        "name": (3, "string"),
        "op_type": (4, "string"),
        "attribute": (5, "AttributeProto*"),
        "domain": (7, "string"),
    },
    "AttributeProto": {
        "name": (1, "string"),
        "f": (2, "float"),
        "i": (3, "int64"),
        "t": (5, "TensorProto"),
        "g": (6, "bytes"),
        "ints": (8, "int64*"),
        "strings": (9, "bytes*"),
        "tensors": (10, "TensorProto*"),
        "graphs": (11, "bytes*"),
        "sparse_tensor": (22, "SparseTensorProto"),
        "sparse_tensors": (23, "SparseTensorProto*"),
    },
    "TensorProto": {
        "dims": (1, "int64*"),
        "data_type": (2, "int32"),
        "float_data": (4, "float*"),
        "int32_data": (5, "int32*"),
        "int64_data": (7, "int64*"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
        "external_data": (13, "StringStringEntryProto*"),
        "data_location": (14, "int32"),
    },
    "SparseTensorProto": {"values": (1, "TensorProto"), "indices": (2, "TensorProto")},
    "ValueInfoProto": {"name": (1, "string"), "type": (2, "TypeProto")},
    "TypeProto": {"tensor_type": (1, "TensorTypeProto")},
    "TensorTypeProto": {"elem_type": (1, "int32"), "shape": (2, "TensorShapeProto")},
    "TensorShapeProto": {"dim": (1, "DimensionProto*")},
    "DimensionProto": {"dim_value": (1, "int64"), "dim_param": (2, "string")},
}
_SCALARS = {
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def _model_class() -> Any:
    file = FileDescriptorProto(name="toolkit/onnx.proto", package="onnx", syntax="proto2")
    for name, entries in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for entry, (number, kind) in entries.items():
            field = message.field.add(name=entry, number=number)
            is_list = kind.endswith("*")
            field.label = field.LABEL_REPEATED if is_list else field.LABEL_OPTIONAL
            field.type = _SCALARS.get(kind.rstrip("*"), field.TYPE_MESSAGE)
            field.options.packed = entry.endswith("_data") and is_list
            if field.type == field.TYPE_MESSAGE:
                field.type_name = f".onnx.{kind.rstrip('*')}"
    pool = DescriptorPool()  # its own, so that `onnx` can be imported, too
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("onnx.ModelProto"))


if TYPE_CHECKING:  # the only module of scoring that names `onnx`, for the others, too
    import onnx

    AttributeProto = onnx.AttributeProto
    ModelProto = onnx.ModelProto
    NodeProto = onnx.NodeProto
    TensorProto = onnx.TensorProto
    ValueInfoProto = onnx.ValueInfoProto
else:
    ModelProto = _model_class()


def array_of(tensor: TensorProto) -> npt.NDArray[Any]:
    """Give the numbers of a tensor; raises `ValueError` if they are damaged, or of another type."""
    if tensor.data_type not in _TYPES:
        raise ValueError(f"{tensor.name}: numbers of the type {tensor.data_type}")
    kind, entry = _TYPES[tensor.data_type]
    if tensor.HasField("raw_data"):
        return np.frombuffer(tensor.raw_data, kind).reshape(tensor.dims)
    return np.array(getattr(tensor, entry), kind).reshape(tensor.dims)
