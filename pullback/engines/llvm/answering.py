"""answering: the part of the interpreter of calls that makes the results, runs the code, and returns one object."""

from __future__ import annotations

from pullback.engines.forms import Kind, Make

from .objects import ITEMS
from .records import DESCRIPTOR, NODE, RESULT, STEP, at, load

__all__ = ["ANSWERING"]

_RUN = f"""
; Hold, or let go of, the arrays that only containers hold: a callback or another thread may change these.
define internal void @hold(ptr %d, i1 %take) {{
start:
{load(DESCRIPTOR, "%d", n_roots="i64", n_nodes="i64", nodes="ptr", objects="ptr")}
  br label %each
each:
  %j = phi i64 [ %n_roots, %start ], [ %j.next, %next ]
  %over = icmp eq i64 %j, %n_nodes
  br i1 %over, label %end, label %node
node:
  %node.at = getelementptr [{len(NODE)} x i64], ptr %nodes, i64 %j
{load(NODE, "%node.at", kind="i64")}
  %o.at = getelementptr ptr, ptr %objects, i64 %j
  %is.array = icmp eq i64 %kind, {Kind.ARRAY}
  br i1 %is.array, label %array, label %next
array:
  %o = load ptr, ptr %o.at
  br i1 %take, label %keep, label %drop
keep:
  call void @Py_IncRef(ptr %o)
  br label %next
drop:
  call void @Py_DecRef(ptr %o)
  br label %next
next:
  %j.next = add i64 %j, 1
  br label %each
end:
  ret void
}}

; Make the arrays of results, `made`; a result of no axes is written to a place of the descriptor's own.
define internal i1 @make(ptr %d) {{
start:
{load(DESCRIPTOR, "%d", n_results="i64", results="ptr", made="ptr")}
  br label %each
each:
  %k = phi i64 [ 0, %start ], [ %k.next, %next ]
  %over = icmp eq i64 %k, %n_results
  br i1 %over, label %yes, label %result
result:
  %k.next = add i64 %k, 1
  %result.at = getelementptr [{len(RESULT)} x i64], ptr %results, i64 %k
{load(RESULT, "%result.at", scalar="i64", place="ptr", dtype="ptr", axes="i64", shape="ptr", maker="ptr")}
  %is.scalar = icmp ne i64 %scalar, 0
  br i1 %is.scalar, label %next, label %array
array:
  %is.plain = icmp eq ptr %maker, null
  br i1 %is.plain, label %plain, label %pooled
plain:
  call void @Py_IncRef(ptr %dtype)
  %axes.n = trunc i64 %axes to i32
  %y.plain = call ptr @PyArray_NewFromDescr(
    ptr @ndarray, ptr %dtype, i32 %axes.n, ptr %shape, ptr null, ptr null, i32 0, ptr null)
  br label %new
pooled:
  %y.pooled = call ptr @PyObject_CallNoArgs(ptr %maker)
  br label %new
new:
  %y = phi ptr [ %y.plain, %plain ], [ %y.pooled, %pooled ]
  %made.at = getelementptr ptr, ptr %made, i64 %k
  store ptr %y, ptr %made.at
  store ptr %y, ptr %place
  %failed = icmp eq ptr %y, null
  br i1 %failed, label %no, label %next
next:
  br label %each
yes:
  ret i1 true
no:
  ret i1 false
}}

; Make NumPy scalars of results of no axes.
define internal i1 @scalars(ptr %d) {{
start:
{load(DESCRIPTOR, "%d", n_results="i64", results="ptr", made="ptr")}
  br label %each
each:
  %k = phi i64 [ 0, %start ], [ %k.next, %next ]
  %over = icmp eq i64 %k, %n_results
  br i1 %over, label %yes, label %result
result:
  %k.next = add i64 %k, 1
  %result.at = getelementptr [{len(RESULT)} x i64], ptr %results, i64 %k
{load(RESULT, "%result.at", scalar="i64", dtype="ptr", value="ptr")}
  %is.scalar = icmp ne i64 %scalar, 0
  br i1 %is.scalar, label %number, label %next
number:
  %y = call ptr @PyArray_Scalar(ptr %value, ptr %dtype, ptr null)
  %made.at = getelementptr ptr, ptr %made, i64 %k
  store ptr %y, ptr %made.at
  %failed = icmp eq ptr %y, null
  br i1 %failed, label %no, label %next
next:
  br label %each
yes:
  ret i1 true
no:
  ret i1 false
}}

; Run the code: its status, 0 if all is well.
define internal i32 @work(ptr %d) {{
{load(DESCRIPTOR, "%d", code="ptr", frame="ptr", releases="i64")}
  call void @hold(ptr %d, i1 true)
  %long = icmp ne i64 %releases, 0
  br i1 %long, label %released, label %held
released:
  %thread = call ptr @PyEval_SaveThread()
  %status.released = call i32 %code(ptr %frame)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %end
held:
  %status.held = call i32 %code(ptr %frame)
  br label %end
end:
  %status = phi i32 [ %status.released, %released ], [ %status.held, %held ]
  call void @hold(ptr %d, i1 false)
  ret i32 %status
}}

; A call whose arguments fit: its result, or null with an error set.
define internal ptr @run(ptr %d) {{
start:
{load(DESCRIPTOR, "%d", n_results="i64", made="ptr", stack="ptr", fail="ptr")}
  %busy.at = getelementptr i64, ptr %d, i64 {DESCRIPTOR["busy"]}
  %top.slot = alloca i64
  store i64 0, ptr %top.slot
  store i64 1, ptr %busy.at
  %ready = call i1 @make(ptr %d)
  br i1 %ready, label %go, label %drop
go:
  %status = call i32 @work(ptr %d)
  %well = icmp eq i32 %status, 0
  br i1 %well, label %values, label %raise
raise:
  %status.wide = sext i32 %status to i64
  %number = call ptr @PyLong_FromLongLong(i64 %status.wide)
  %nothing = call ptr @PyObject_CallOneArg(ptr %fail, ptr %number)
  call void @Py_DecRef(ptr %number)
  br label %drop
values:
  %valued = call i1 @scalars(ptr %d)
  br i1 %valued, label %tree, label %drop
tree:
  %built = call i1 @build(ptr %d, ptr %top.slot)
  br i1 %built, label %end, label %drop
end:
  %result = load ptr, ptr %stack
  store i64 0, ptr %busy.at
  ret ptr %result

drop:
  br label %drop.made
drop.made:
  %k = phi i64 [ 0, %drop ], [ %k.next, %drop.one ]
  %k.over = icmp eq i64 %k, %n_results
  br i1 %k.over, label %drop.stack, label %drop.one
drop.one:
  %made.at = getelementptr ptr, ptr %made, i64 %k
  %y = load ptr, ptr %made.at
  store ptr null, ptr %made.at
  call void @Py_DecRef(ptr %y)
  %k.next = add i64 %k, 1
  br label %drop.made
drop.stack:
  %top = load i64, ptr %top.slot
  %empty = icmp eq i64 %top, 0
  br i1 %empty, label %failed, label %drop.top
drop.top:
  %top.less = sub i64 %top, 1
  store i64 %top.less, ptr %top.slot
  %last.at = getelementptr ptr, ptr %stack, i64 %top.less
  %last = load ptr, ptr %last.at
  call void @Py_DecRef(ptr %last)
  br label %drop.stack
failed:
  store i64 0, ptr %busy.at
  ret ptr null
}}
"""

_BUILD = f"""
; Put the result together: each step takes the last `number` objects of the stack and pushes one.
define internal i1 @build(ptr %d, ptr %top.slot) {{
start:
{load(DESCRIPTOR, "%d", made="ptr", n_steps="i64", steps="ptr", stack="ptr")}
  br label %each
each:
  %s = phi i64 [ 0, %start ], [ %s.next, %push ]
  %over = icmp eq i64 %s, %n_steps
  br i1 %over, label %yes, label %step
step:
  %s.next = add i64 %s, 1
  %step.at = getelementptr [{len(STEP)} x i64], ptr %steps, i64 %s
{load(STEP, "%step.at", make="i64", number="i64", value="ptr", keys="ptr")}
  %top = load i64, ptr %top.slot
  %low = sub i64 %top, %number
  %low.at = getelementptr ptr, ptr %stack, i64 %low
  switch i64 %make, label %no [
    i64 {Make.RESULT}, label %result
    i64 {Make.CONSTANT}, label %constant
    i64 {Make.TUPLE}, label %tuple
    i64 {Make.LIST}, label %list
    i64 {Make.DICT}, label %dict
    i64 {Make.CALL}, label %call
  ]

result:
  %made.at = getelementptr ptr, ptr %made, i64 %number
  %y = load ptr, ptr %made.at
  store ptr null, ptr %made.at
  br label %push
constant:
  call void @Py_IncRef(ptr %value)
  br label %push

tuple:
  %t = call ptr @PyTuple_New(i64 %number)
  %t.items = getelementptr i8, ptr %t, i64 {ITEMS}
  %t.failed = icmp eq ptr %t, null
  br i1 %t.failed, label %no, label %move
list:
  %l = call ptr @PyList_New(i64 %number)
  %l.failed = icmp eq ptr %l, null
  br i1 %l.failed, label %no, label %list.items
list.items:
{at("l.items", "%l", ITEMS)}
  br label %move
move:
  %new = phi ptr [ %t, %tuple ], [ %l, %list.items ]
  %items = phi ptr [ %t.items, %tuple ], [ %l.items, %list.items ]
  br label %move.one
move.one:
  %m = phi i64 [ 0, %move ], [ %m.next, %move.next ]
  %m.over = icmp eq i64 %m, %number
  br i1 %m.over, label %push, label %move.next
move.next:
  %m.from = getelementptr ptr, ptr %low.at, i64 %m
  %m.o = load ptr, ptr %m.from
  %m.to = getelementptr ptr, ptr %items, i64 %m
  store ptr %m.o, ptr %m.to
  %m.next = add i64 %m, 1
  br label %move.one

dict:
  %map = call ptr @PyDict_New()
  %map.failed = icmp eq ptr %map, null
  br i1 %map.failed, label %no, label %pair
pair:
  %p = phi i64 [ 0, %dict ], [ %p.next, %pair.next ]
  %p.over = icmp eq i64 %p, %number
  br i1 %p.over, label %dict.end, label %pair.set
pair.set:
  %key.at = getelementptr ptr, ptr %keys, i64 %p
  %key = load ptr, ptr %key.at
  %p.from = getelementptr ptr, ptr %low.at, i64 %p
  %p.o = load ptr, ptr %p.from
  %set = call i32 @PyDict_SetItem(ptr %map, ptr %key, ptr %p.o)
  %p.next = add i64 %p, 1
  %set.failed = icmp ne i32 %set, 0
  br i1 %set.failed, label %dict.drop, label %pair.next
pair.next:
  br label %pair
dict.drop:
  call void @Py_DecRef(ptr %map)
  br label %no
dict.end:
  br label %let.go
let.go:
  %g = phi i64 [ 0, %dict.end ], [ %g.next, %let.go.one ]
  %g.over = icmp eq i64 %g, %number
  br i1 %g.over, label %push, label %let.go.one
let.go.one:
  %g.from = getelementptr ptr, ptr %low.at, i64 %g
  %g.o = load ptr, ptr %g.from
  call void @Py_DecRef(ptr %g.o)
  %g.next = add i64 %g, 1
  br label %let.go

call:
  %last.at = getelementptr ptr, ptr %low.at, i64 0
  %given = load ptr, ptr %last.at
  %got = call ptr @PyObject_Call(ptr %value, ptr %given, ptr null)
  %call.failed = icmp eq ptr %got, null
  br i1 %call.failed, label %no, label %called
called:
  call void @Py_DecRef(ptr %given)
  br label %push

push:
  %pushed = phi ptr [ %y, %result ], [ %value, %constant ], [ %new, %move.one ], [ %map, %let.go ], [ %got, %called ]
  %at = phi i64 [ %top, %result ], [ %top, %constant ], [ %low, %move.one ], [ %low, %let.go ], [ %low, %called ]
  %at.p = getelementptr ptr, ptr %stack, i64 %at
  store ptr %pushed, ptr %at.p
  %top.new = add i64 %at, 1
  store i64 %top.new, ptr %top.slot
  br label %each
yes:
  ret i1 true
no:
  ret i1 false
}}
"""

ANSWERING = _RUN + _BUILD
