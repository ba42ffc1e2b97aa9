"""matching: do the objects of a call match a descriptor? The part of the interpreter of calls that looks at them.

What is looked at is exact: an array's class (no subclass), dtype (the one object that NumPy has
for it, so native byte order), shape, C order and alignment. Nothing here runs Python code.
"""

from __future__ import annotations

from pullback.engines.forms import Kind

from .objects import AXES, DATA, DTYPE, FIRST, FLAGS, ITEMS, ORDERED, SHAPE, SIZE, TYPE
from .records import DESCRIPTOR, NODE, at, load

__all__ = ["MATCHING"]

MATCHING = f"""
; Does every node match? Leaves are noted in the frame, and the children of containers in `objects`.
define internal i1 @fits(ptr %d, ptr %args) {{
start:
  %key.slot = alloca ptr
  %value.slot = alloca ptr
  %turn.slot = alloca i64
  %wide = alloca i32
{load(DESCRIPTOR, "%d", n_roots="i64", n_nodes="i64", nodes="ptr", objects="ptr")}
  br label %each
each:
  %j = phi i64 [ 0, %start ], [ %j.next, %good ]
  %over = icmp eq i64 %j, %n_nodes
  br i1 %over, label %yes, label %node
node:
  %node.at = getelementptr [{len(NODE)} x i64], ptr %nodes, i64 %j
{load(NODE, "%node.at", kind="i64", expected="ptr", place="i64", count="i64", more="ptr")}
  %place.p = inttoptr i64 %place to ptr
  %root = icmp ult i64 %j, %n_roots
  %from = select i1 %root, ptr %args, ptr %objects
  %o.at = getelementptr ptr, ptr %from, i64 %j
  %o = load ptr, ptr %o.at
{at("type", "%o", TYPE)}
  %as.expected = icmp eq ptr %type, %expected
  switch i64 %kind, label %no [
    i64 {Kind.ARRAY}, label %array
    i64 {Kind.CELL}, label %array
    i64 {Kind.NUMBER}, label %number
    i64 {Kind.INT}, label %int
    i64 {Kind.BOOL}, label %bool
    i64 {Kind.SAME}, label %same
    i64 {Kind.TUPLE}, label %tuple
    i64 {Kind.LIST}, label %tuple
    i64 {Kind.DICT}, label %dict
  ]

array:
  %is.array = icmp eq ptr %type, @ndarray
  br i1 %is.array, label %array.of, label %no
array.of:
{at("dtype", "%o", DTYPE)}
{at("axes", "%o", AXES, "i32")}
{at("flags", "%o", FLAGS, "i32")}
{at("shape", "%o", SHAPE)}
  %axes.wide = sext i32 %axes to i64
  %ordered = and i32 %flags, {ORDERED}
  %is.dtype = icmp eq ptr %dtype, %expected
  %is.ordered = icmp eq i32 %ordered, {ORDERED}
  %is.cell = icmp eq i64 %kind, {Kind.CELL}
  %wanted.axes = select i1 %is.cell, i64 0, i64 %count
  %is.axes = icmp eq i64 %axes.wide, %wanted.axes
  %well.0 = and i1 %is.dtype, %is.ordered
  %well = and i1 %well.0, %is.axes
  br i1 %well, label %axis, label %no
axis:
  %a = phi i64 [ 0, %array.of ], [ %a.next, %axis.next ]
  %a.over = icmp eq i64 %a, %wanted.axes
  br i1 %a.over, label %array.fits, label %axis.next
axis.next:
  %n.at = getelementptr i64, ptr %shape, i64 %a
  %n = load i64, ptr %n.at
  %n.wanted.at = getelementptr i64, ptr %more, i64 %a
  %n.wanted = load i64, ptr %n.wanted.at
  %a.next = add i64 %a, 1
  %is.n = icmp eq i64 %n, %n.wanted
  br i1 %is.n, label %axis, label %no
array.fits:
  br i1 %is.cell, label %cell, label %array.note
array.note:
  store ptr %o, ptr %place.p
  br label %good
cell:
{at("data", "%o", DATA)}
  call void @llvm.memcpy.p0.p0.i64(ptr %place.p, ptr %data, i64 %count, i1 false)
  br label %good

number:
  br i1 %as.expected, label %number.note, label %no
number.note:
{at("number.bits", "%o", FIRST, "i64")}
  store i64 %number.bits, ptr %place.p
  %is.wide = icmp ugt i64 %count, 8
  br i1 %is.wide, label %number.rest, label %good
number.rest:
{at("number.more", "%o", FIRST + 8, "i64")}
  %place.more = getelementptr i64, ptr %place.p, i64 1
  store i64 %number.more, ptr %place.more
  br label %good
int:
  %is.int = icmp eq ptr %type, @PyLong
  br i1 %is.int, label %int.of, label %no
int.of:
  %int.value = call i64 @PyLong_AsLongLongAndOverflow(ptr %o, ptr %wide)
  %too.wide = load i32, ptr %wide
  %is.small = icmp eq i32 %too.wide, 0
  store i64 %int.value, ptr %place.p
  br i1 %is.small, label %good, label %no
bool:
  %is.bool = icmp eq ptr %type, @PyBool
  %is.true = icmp eq ptr %o, @True
  %bit = zext i1 %is.true to i8
  store i8 %bit, ptr %place.p
  br i1 %is.bool, label %good, label %no
same:
  %is.same = icmp eq ptr %o, %expected
  br i1 %is.same, label %good, label %no

tuple:
  br i1 %as.expected, label %tuple.of, label %no
tuple.of:
{at("size", "%o", SIZE, "i64")}
  %is.size = icmp eq i64 %size, %count
  br i1 %is.size, label %tuple.items, label %no
tuple.items:
{at("items.list", "%o", ITEMS)}
  %is.list = icmp eq i64 %kind, {Kind.LIST}
  %items = select i1 %is.list, ptr %items.list, ptr %items.list.at
  br label %item
item:
  %i = phi i64 [ 0, %tuple.items ], [ %i.next, %item.next ]
  %i.over = icmp eq i64 %i, %count
  br i1 %i.over, label %good, label %item.next
item.next:
  %item.at = getelementptr ptr, ptr %items, i64 %i
  %item.o = load ptr, ptr %item.at
  %child = add i64 %place, %i
  %child.at = getelementptr ptr, ptr %objects, i64 %child
  store ptr %item.o, ptr %child.at
  %i.next = add i64 %i, 1
  br label %item

dict:
  %is.dict = icmp eq ptr %type, @PyDict
  br i1 %is.dict, label %dict.of, label %no
dict.of:
  %dict.size = call i64 @PyDict_Size(ptr %o)
  %is.dict.size = icmp eq i64 %dict.size, %count
  store i64 0, ptr %turn.slot
  br i1 %is.dict.size, label %pair, label %no
pair:
  %p = phi i64 [ 0, %dict.of ], [ %p.next, %pair.note ]
  %p.over = icmp eq i64 %p, %count
  br i1 %p.over, label %good, label %pair.of
pair.of:
  %has = call i32 @PyDict_Next(ptr %o, ptr %turn.slot, ptr %key.slot, ptr %value.slot)
  %has.one = icmp ne i32 %has, 0
  br i1 %has.one, label %pair.key, label %no
pair.key:
  %key = load ptr, ptr %key.slot
  %key.wanted.at = getelementptr ptr, ptr %more, i64 %p
  %key.wanted = load ptr, ptr %key.wanted.at
  %is.key = call i1 @equal(ptr %key, ptr %key.wanted)
  br i1 %is.key, label %pair.note, label %no
pair.note:
  %value.o = load ptr, ptr %value.slot
  %value.child = add i64 %place, %p
  %value.at = getelementptr ptr, ptr %objects, i64 %value.child
  store ptr %value.o, ptr %value.at
  %p.next = add i64 %p, 1
  br label %pair

good:
  %j.next = add i64 %j, 1
  br label %each
yes:
  ret i1 true
no:
  ret i1 false
}}

; Are two keys equal, as far as can be told without running Python code: one object, or equal strings.
define internal i1 @equal(ptr %a, ptr %b) {{
  %one = icmp eq ptr %a, %b
  br i1 %one, label %yes, label %other
other:
{at("type.a", "%a", TYPE)}
{at("type.b", "%b", TYPE)}
  %text.a = icmp eq ptr %type.a, @PyUnicode
  %text.b = icmp eq ptr %type.b, @PyUnicode
  %texts = and i1 %text.a, %text.b
  br i1 %texts, label %compare, label %no
compare:
  %order = call i32 @PyUnicode_Compare(ptr %a, ptr %b)
  %is = icmp eq i32 %order, 0
  ret i1 %is
yes:
  ret i1 true
no:
  ret i1 false
}}
"""
