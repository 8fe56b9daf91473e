
-- What follows is the same in all generated plugins. It runs with Lua 5.2 and later.

local max_depth = 256
local max_message = 64 * 1024 * 1024
local need = { more = 1 } -- thrown when the bytes end early, with how many are missing at least

local function fail(why) error({ why = why }) end

-- A reader goes through the bytes s of a message, whose offsets count from 0. What it shows are ranges of tvb.

local function byte(r)
	local off = r.off
	if off >= r.limit then
		need.more = 1
		error(need)
	end
	r.off = off + 1
	return r.s:byte(off + 1)
end

local function skip(r, n)
	if n < 0 then fail("negative length") end
	if r.off + n > r.limit then
		if n > max_message then fail("too long") end
		need.more = r.off + n - r.limit
		error(need)
	end
	r.off = r.off + n
	return r.off - n
end

-- expect throws need early if n values of at least so many bytes do not fit: of long messages every segment would be read anew otherwise.
local function expect(r, n, bytes)
	if r.off + n * bytes > r.limit then
		if r.whole or n > max_message then fail("too many elements") end
		if not r.cut then
			need.more = r.off + n * bytes - r.limit
			error(need)
		end
	end
end

local function u16(s, off)
	local a, b = s:byte(off + 1, off + 2)
	return a * 256 + b
end

local function u32(s, off)
	local a, b, c, d = s:byte(off + 1, off + 4)
	return ((a * 256 + b) * 256 + c) * 256 + d
end

local function signed(n, bits)
	if n >= 2 ^ (bits - 1) then n = n - 2 ^ bits end
	return math.floor(n)
end

-- varint returns the lower and upper 32 bits of a number.
local function varint(r)
	local lo, hi, shift = 0, 0, 0
	while true do
		local b = byte(r)
		local v = b % 128
		if shift < 28 then
			lo = lo + v * 2 ^ shift
		elseif shift == 28 then
			lo = lo + (v % 16) * 2 ^ 28
			hi = math.floor(v / 16)
		else
			hi = hi + v * 2 ^ (shift - 32)
		end
		if b < 128 then break end
		shift = shift + 7
		if shift > 63 then fail("varint of more than 10 bytes") end
	end
	return math.floor(lo), math.floor(hi % 2 ^ 32)
end

-- zigzag returns the lower and upper 32 bits of the number that a varint stands for.
local function zigzag(r)
	local lo, hi = varint(r)
	local odd = lo % 2 == 1
	lo = math.floor(lo / 2 + (hi % 2) * 2 ^ 31)
	hi = math.floor(hi / 2)
	if odd then
		lo, hi = 2 ^ 32 - 1 - lo, 2 ^ 32 - 1 - hi
	end
	return math.floor(lo), math.floor(hi)
end

local function size(r)
	if r.compact then
		local lo, hi = varint(r)
		if hi > 0 or lo >= 2 ^ 31 then fail("negative length") end
		return lo
	end
	local n = signed(u32(r.s, skip(r, 4)), 32)
	if n < 0 then fail("negative length") end
	return n
end

local compact_types = { [1] = 2, [2] = 2, [3] = 3, [4] = 6, [5] = 8, [6] = 10, [7] = 4, [8] = 11, [9] = 15, [10] = 14, [11] = 13, [12] = 12, [13] = 16 }
local wire_of = {
	bool = 2, i8 = 3, double = 4, i16 = 6, i32 = 8, enum = 8, i64 = 10, string = 11, binary = 11,
	struct = 12, map = 13, set = 14, list = 15, uuid = 16,
}
local least = { [2] = 1, [3] = 1, [4] = 8, [6] = 2, [8] = 4, [10] = 8, [11] = 4, [12] = 1, [13] = 6, [14] = 5, [15] = 5, [16] = 16 } -- bytes of a value in binary
local type_names = { [2] = "bool", [3] = "i8", [4] = "double", [6] = "i16", [8] = "i32", [10] = "i64", [11] = "string", [12] = "struct", [13] = "map", [14] = "set", [15] = "list", [16] = "uuid" }

-- brief collects what the column Info says of a message.
local function brief(r, depth, name, text)
	if not r.brief or depth ~= 1 then return end
	if #text > 60 then text = text:sub(1, 57):gsub("[\128-\191]*$", "") .. "…" end
	if #r.brief < 8 then r.brief[#r.brief + 1] = name == "success" and text or name .. "=" .. text end
end

local function leaf(r, tree, range, field, name, value, text, depth)
	if field then
		if value == nil then tree:add(field, range) else tree:add(field, range, value) end
	else
		tree:add(range, name .. ": " .. text)
	end
	brief(r, depth, name, text)
end

local function quoted(text) return '"' .. text .. '"' end

local function number_text(declared, n)
	local text = string.format("%d", n)
	local names = declared and declared.k == "enum" and enums[declared.of]
	if names and names[n] then return names[n] .. " (" .. text .. ")" end
	return text
end

local read_struct

-- value reads a value of the type t of the wire. declared is its type in the IDL, field its filter field, if they are known.
-- Without a tree it only looks for the end.
local function value(r, tree, t, declared, name, field, depth, flag, entries)
	if depth > max_depth then fail("nested too deep") end
	local start = r.off
	if declared and wire_of[declared.k] ~= t then
		r.misfits = true
		name, declared, field = name .. " (declared as " .. declared.k .. ")", nil, nil
	end
	local function range() return r.tvb:range(start, r.off - start) end
	if t == 2 then
		local b = flag
		if b == nil then
			local v = byte(r)
			if r.compact then b = v == 1 else b = v ~= 0 end
		else
			start = r.head -- the value is in the head of the field
		end
		if tree then leaf(r, tree, range(), field, name, b, tostring(b), depth) end
	elseif t == 3 then
		local n = signed(byte(r), 8)
		if tree then leaf(r, tree, range(), field, name, n, number_text(declared, n), depth) end
	elseif t == 6 or t == 8 then
		local n
		if r.compact then
			n = signed(zigzag(r), 32)
		elseif t == 6 then
			n = signed(u16(r.s, skip(r, 2)), 16)
		else
			n = signed(u32(r.s, skip(r, 4)), 32)
		end
		if tree then leaf(r, tree, range(), field, name, n, number_text(declared, n), depth) end
	elseif t == 10 then
		local lo, hi
		if r.compact then
			lo, hi = zigzag(r)
		else
			start = skip(r, 8)
			hi, lo = u32(r.s, start), u32(r.s, start + 4)
		end
		if tree then
			local n = Int64(lo, hi)
			leaf(r, tree, range(), field, name, n, tostring(n), depth)
		end
	elseif t == 4 then
		skip(r, 8)
		if tree then
			local v
			if r.compact and not r.big then v = range():le_float() else v = range():float() end
			leaf(r, tree, range(), field, name, v, tostring(v), depth)
		end
	elseif t == 11 then
		local n = size(r)
		local at = skip(r, n)
		if tree then
			local text = r.s:sub(at + 1, at + n)
			if declared and declared.k == "binary" then
				local shown = n == 1 and "1 byte" or n .. " bytes"
				if field and n > 0 then
					tree:add(field, r.tvb:range(at, n))
				else
					tree:add(range(), name .. ": " .. shown)
				end
				brief(r, depth, name, shown)
			elseif text:find("%z") then
				leaf(r, tree, range(), nil, name, nil, n .. " bytes, not text", depth)
			else
				leaf(r, tree, range(), field, name, text, quoted(text), depth)
			end
		end
	elseif t == 16 then
		skip(r, 16)
		if tree then leaf(r, tree, range(), field, name, nil, tostring(range():bytes()), depth) end
	elseif t == 12 then
		local sub = tree and tree:add(r.tvb:range(start, 1), name .. (declared and ": " .. (declared.of:match("[^.]*$")) or ""))
		read_struct(r, sub, declared and structs[declared.of], depth + 1)
		if sub then sub:set_len(r.off - start) end
		brief(r, tree and depth or 0, name, "{…}")
	elseif t == 14 or t == 15 then
		local et, n
		if r.compact then
			local head = byte(r)
			et, n = compact_types[head % 16], math.floor(head / 16)
			if n == 15 then
				n = size(r)
			end
		else
			et = byte(r)
			n = size(r)
		end
		if n > 0 and not type_names[et] then fail("elements of an unknown type") end
		expect(r, n, not r.compact and least[et] or 1)
		if declared and n > 0 and wire_of[declared.v.k] ~= et then r.misfits = true end
		local sub = tree and tree:add(r.tvb:range(start, math.max(r.off - start, 1)), name .. ": " .. n .. " of " .. (type_names[et] or "nothing"))
		for i = 0, n - 1 do
			value(r, sub, et, declared and declared.v, "[" .. i .. "]", field, depth + 1)
		end
		if sub then sub:set_len(r.off - start) end
		brief(r, tree and depth or 0, name, "[" .. n .. "]")
	elseif t == 13 then
		local kt, vt, n
		if r.compact then
			n = size(r)
			if n > 0 then
				local types = byte(r)
				kt, vt = compact_types[math.floor(types / 16)], compact_types[types % 16]
			end
		else
			kt, vt = byte(r), byte(r)
			n = size(r)
		end
		if n > 0 and not (type_names[kt] and type_names[vt]) then fail("entries of an unknown type") end
		expect(r, n, not r.compact and n > 0 and least[kt] + least[vt] or 2)
		if declared and n > 0 and (wire_of[declared.key.k] ~= kt or wire_of[declared.v.k] ~= vt) then r.misfits = true end
		local sub = tree and tree:add(r.tvb:range(start, math.max(r.off - start, 1)), name .. ": " .. n .. (n == 1 and " entry" or " entries"))
		for i = 0, n - 1 do
			value(r, sub, kt, declared and declared.key, "key " .. i, declared and entries and entries.key_field, depth + 1)
			value(r, sub, vt, declared and declared.v, "value " .. i, declared and entries and entries.value_field, depth + 1)
		end
		if sub then sub:set_len(r.off - start) end
		brief(r, tree and depth or 0, name, "{" .. n .. "}")
	else
		fail("unknown type")
	end
end

-- read_struct reads fields up to the stop. It returns the id of the first one, if there is any.
read_struct = function(r, tree, desc, depth)
	local last, first = 0, nil
	if depth > max_depth then fail("nested too deep") end
	while true do
		r.head = r.off
		local head = byte(r)
		local t, id, flag
		if r.compact then
			if head % 16 == 0 then break end
			t = compact_types[head % 16]
			if head % 16 <= 2 then flag = head % 16 == 1 end
			if head >= 16 then
				id = last + math.floor(head / 16)
			else
				id = signed(zigzag(r), 32)
			end
		else
			if head == 0 then break end
			t = head
			id = signed(u16(r.s, skip(r, 2)), 16)
		end
		if not type_names[t] then fail("unknown type") end
		last = id
		first = first or id
		local f = desc and desc[id]
		if f then
			value(r, tree, t, f.t, f.name, f.field, depth, flag, f)
		else
			if desc then r.misfits = true end
			value(r, tree, t, nil, "field " .. id .. " (" .. type_names[t] .. ")", nil, depth, flag)
		end
	end
	return first
end

-- JSON: the text is read into nodes { k = kind, v = value, a = start, z = end }.

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function utf8_of(c)
	if c < 0x80 then return string.char(c) end
	if c < 0x800 then return string.char(0xc0 + math.floor(c / 64), 0x80 + c % 64) end
	if c < 0x10000 then return string.char(0xe0 + math.floor(c / 4096), 0x80 + math.floor(c / 64) % 64, 0x80 + c % 64) end
	return string.char(0xf0 + math.floor(c / 262144), 0x80 + math.floor(c / 4096) % 64, 0x80 + math.floor(c / 64) % 64, 0x80 + c % 64)
end

local function json_space(r)
	local at = r.s:find("[^ \t\r\n]", r.off + 1)
	if not at or at > r.limit then error(need) end
	r.off = at - 1
	return r.s:sub(at, at)
end

local function json_string(r)
	local start = r.off + 1 -- after the quote
	local at = start
	local plain = true
	while true do
		local stop = r.s:find('["\\]', at + 1)
		if not stop or stop > r.limit then error(need) end
		if r.s:byte(stop) == 34 then
			r.off = stop
			local text = r.s:sub(start + 1, stop - 1)
			if plain then return text end
			local high
			text = text:gsub("\\(.)(%x?%x?%x?%x?)", function(c, hex)
				if c ~= "u" then return (escapes[c] or fail("escape in JSON")) .. hex end
				if #hex < 4 then fail("escape in JSON") end
				local n = tonumber(hex, 16)
				if n >= 0xd800 and n < 0xdc00 then
					high = n
					return ""
				elseif high and n >= 0xdc00 and n < 0xe000 then
					n, high = 0x10000 + (high - 0xd800) * 1024 + n - 0xdc00, nil
				end
				return utf8_of(n)
			end)
			return text
		end
		plain = false
		at = stop + 1
		if at >= r.limit then error(need) end
	end
end

local json
json = function(r, depth)
	if depth > 4 * max_depth then fail("nested too deep") end -- a struct is up to four levels
	local c = json_space(r)
	local node = { a = r.off }
	if c == '"' then
		node.k, node.v = "string", json_string(r)
	elseif c == "[" then
		node.k = "array"
		r.off = r.off + 1
		if json_space(r) == "]" then
			r.off = r.off + 1
		else
			while true do
				node[#node + 1] = json(r, depth + 1)
				c = json_space(r)
				r.off = r.off + 1
				if c == "]" then break end
				if c ~= "," then fail("JSON") end
			end
		end
	elseif c == "{" then
		node.k = "object"
		r.off = r.off + 1
		if json_space(r) == "}" then
			r.off = r.off + 1
		else
			while true do
				json_space(r)
				local key = json(r, depth + 1) -- in TJSON keys of a map may be structs
				if json_space(r) ~= ":" then fail("JSON") end
				r.off = r.off + 1
				node[#node + 1] = { key, json(r, depth + 1) }
				c = json_space(r)
				r.off = r.off + 1
				if c == "}" then break end
				if c ~= "," then fail("JSON") end
			end
		end
	else
		local word = r.s:match("^[%w.+-]+", r.off + 1)
		if not word then fail("JSON") end
		if r.off + #word >= r.limit then error(need) end
		r.off = r.off + #word
		if word == "true" or word == "false" then
			node.k, node.v = "bool", word == "true"
		elseif word == "null" then
			node.k = "null"
		elseif tonumber(word) or word == "NaN" or word == "Infinity" or word == "-Infinity" then
			node.k, node.v = "number", word
		else
			fail("JSON")
		end
	end
	node.z = r.off
	return node
end

local function member(node, name)
	if not node or node.k ~= "object" then return nil end
	for _, entry in ipairs(node) do
		if entry[1].v == name then return entry[2] end
	end
end

-- int64_of returns the number that decimal digits say.
local function int64_of(text)
	local sign, digits = text:match("^(-?)(%d+)$")
	if not digits then return nil end
	local lo, hi = 0, 0
	for d in digits:gmatch("%d") do
		lo = lo * 10 + tonumber(d)
		hi = (hi * 10 + math.floor(lo / 2 ^ 32)) % 2 ^ 32
		lo = lo % 2 ^ 32
	end
	if sign == "-" then
		lo = 2 ^ 32 - lo
		hi = 2 ^ 32 - 1 - hi
		if lo == 2 ^ 32 then lo, hi = 0, (hi + 1) % 2 ^ 32 end
	end
	return Int64(math.floor(lo), math.floor(hi))
end

local alphabet = {}
for i = 1, 64 do
	alphabet[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

-- unbase64 returns the bytes that text stands for, with padding or without.
local function unbase64(text)
	local out, bits, n = {}, 0, 0
	for i = 1, #text do
		local v = alphabet[text:byte(i)]
		if v then
			bits, n = bits * 64 + v, n + 6
			if n >= 8 then
				n = n - 8
				out[#out + 1] = string.char(math.floor(bits / 2 ^ n))
				bits = bits % 2 ^ n
			end
		end
	end
	return table.concat(out)
end

local json_kinds = { tf = 2, i8 = 3, dbl = 4, i16 = 6, i32 = 8, i64 = 10, str = 11, rec = 12, map = 13, set = 14, lst = 15, uid = 16 }

-- json_value shows a node. t is its type of the wire, which only TJSON has; in the other forms declared must do.
local function json_value(r, tree, node, t, declared, name, field, depth, entry_of)
	if depth > max_depth then fail("nested too deep") end
	if t and declared and wire_of[declared.k] ~= t then
		r.misfits = true
		name, declared, field = name .. " (declared as " .. declared.k .. ")", nil, nil
	end
	local range = tree and r.tvb:range(node.a, node.z - node.a)
	local k = declared and declared.k or t and type_names[t]
	local shape = node.k
	if k == "struct" and shape == "object" then
		local sub = tree and tree:add(range, name .. (declared and ": " .. (declared.of:match("[^.]*$")) or ""))
		r.json_struct(r, sub, node, declared and structs[declared.of], depth + 1)
		brief(r, tree and depth or 0, name, "{…}")
	elseif t == 13 then -- [key type, value type, size, {…}]
		local kt, vt = node[1] and json_kinds[node[1].v], node[2] and json_kinds[node[2].v]
		local entries = node[4] or node[3] or {}
		local sub = tree and tree:add(range, name .. ": " .. #entries .. (#entries == 1 and " entry" or " entries"))
		for i, entry in ipairs(entries) do
			local key = entry[1]
			if key.k == "string" and kt ~= 11 then key = { k = "number", v = key.v, a = key.a, z = key.z } end
			json_value(r, sub, key, kt, declared and declared.key, "key " .. i - 1, declared and entry_of and entry_of.key_field, depth + 1)
			json_value(r, sub, entry[2], vt, declared and declared.v, "value " .. i - 1, declared and entry_of and entry_of.value_field, depth + 1)
		end
		brief(r, tree and depth or 0, name, "{" .. #entries .. "}")
	elseif shape == "object" then
		local sub = tree and tree:add(range, name .. ": " .. #node .. (#node == 1 and " entry" or " entries"))
		for i, entry in ipairs(node) do
			local key = entry[1]
			if declared and declared.k == "map" and declared.key.k ~= "string" and tonumber(key.v) then key = { k = "number", v = key.v, a = key.a, z = key.z } end
			json_value(r, sub, key, nil, declared and declared.k == "map" and declared.key, "key " .. i - 1, declared and entry_of and entry_of.key_field, depth + 1)
			json_value(r, sub, entry[2], nil, declared and declared.k == "map" and declared.v, "value " .. i - 1, declared and entry_of and entry_of.value_field, depth + 1)
		end
		brief(r, tree and depth or 0, name, "{" .. #node .. "}")
	elseif shape == "array" then
		local et, from = nil, 1
		if t then -- [type, size, elements]
			et, from = node[1] and json_kinds[node[1].v], 3
		end
		local n = math.max(#node - from + 1, 0)
		local sub = tree and tree:add(range, name .. ": " .. n .. " of " .. (type_names[et] or declared and declared.v and declared.v.k or "JSON"))
		for i = from, #node do
			local of, sub_field = declared and declared.v, field
			if k == "map" then of, sub_field = nil, nil end -- entries with a key and a value each
			local element = node[i]
			if k == "map" and member(element, "key") and member(element, "value") then
				json_value(r, sub, member(element, "key"), nil, declared.key, "key " .. i - 1, entry_of and entry_of.key_field, depth + 1)
				json_value(r, sub, member(element, "value"), nil, declared.v, "value " .. i - 1, entry_of and entry_of.value_field, depth + 1)
			else
				json_value(r, sub, element, et, of, "[" .. i - from .. "]", sub_field, depth + 1)
			end
		end
		brief(r, tree and depth or 0, name, "[" .. n .. "]")
	elseif not tree then
		return
	elseif k == "bool" and (shape == "bool" or shape == "number") then
		local b = node.v == true or node.v == "1"
		leaf(r, tree, range, field, name, b, tostring(b), depth)
	elseif k == "i64" and shape == "number" and int64_of(node.v) then
		leaf(r, tree, range, field, name, int64_of(node.v), node.v, depth)
	elseif k == "double" and shape ~= "bool" and shape ~= "null" then
		local n = tonumber(node.v)
		leaf(r, tree, range, n and field, name, n, node.v, depth)
	elseif (k == "i8" or k == "i16" or k == "i32" or k == "enum") and shape == "number" and node.v:match("^-?%d+$") then
		local n = math.floor(tonumber(node.v))
		leaf(r, tree, range, field, name, n, number_text(declared, n), depth)
	elseif k == "binary" and shape == "string" then
		local bytes = unbase64(node.v)
		local shown = #bytes == 1 and "1 byte" or #bytes .. " bytes"
		if field and #bytes > 0 then
			tree:add(field, ByteArray.new(bytes, true):tvb(name):range())
		else
			tree:add(range, name .. ": " .. shown)
		end
		brief(r, depth, name, shown)
	elseif shape == "string" then
		leaf(r, tree, range, (k == "string") and field, name, node.v, quoted(node.v), depth)
	else
		leaf(r, tree, range, nil, name, nil, tostring(node.v), depth)
	end
end

-- json_by_id reads a struct of TJSON: { "id": { "type": value } }.
local function json_by_id(r, tree, node, desc, depth)
	local first
	if not node or node.k ~= "object" then fail("no struct") end
	for _, entry in ipairs(node) do
		local id, inner = tonumber(entry[1].v), entry[2][1]
		if not id or entry[1].k ~= "string" or entry[2].k ~= "object" or not inner or not json_kinds[inner[1].v] then fail("no field") end
		first = first or id
		local t, f = json_kinds[inner[1].v], desc and desc[id]
		if desc and not f then r.misfits = true end
		if f then
			json_value(r, tree, inner[2], t, f.t, f.name, f.field, depth, f)
		else
			json_value(r, tree, inner[2], t, nil, "field " .. entry[1].v .. " (" .. type_names[t] .. ")", nil, depth)
		end
	end
	return first
end

-- json_by_name reads a struct whose fields have names.
local function json_by_name(r, tree, node, desc, depth)
	local first
	if not node or node.k ~= "object" then fail("no struct") end
	for _, entry in ipairs(node) do
		if entry[1].k ~= "string" then fail("no field") end
		local found
		for id, f in pairs(desc or {}) do
			if f.name == entry[1].v then
				found = f
				first = first or id
			end
		end
		if desc and not found then r.misfits = true end
		json_value(r, tree, entry[2], nil, found and found.t, entry[1].v, found and found.field, depth, found)
	end
	return first
end

-- inflater returns a function that takes compressed bytes (RFC 1950 and 1951) and returns what they decompress to, as far as they go.
local function inflater()
	local input, at = "", 1
	local bits, count = 0, 0
	local window, out = {}, {} -- what was decompressed, and what is new of it
	local total = 0
	local function take()
		while at > #input do coroutine.yield() end
		local b = input:byte(at)
		at = at + 1
		return b
	end
	local function get(n)
		while count < n do
			bits = bits + take() * 2 ^ count
			count = count + 8
		end
		local v = bits % 2 ^ n
		bits = math.floor(bits / 2 ^ n)
		count = count - n
		return math.floor(v)
	end
	local function put(b)
		window[total % 32768] = b
		total = total + 1
		out[#out + 1] = string.char(b)
		if #out > max_message then fail("too long when decompressed") end
	end
	local function code(lengths)
		local counts, offsets, symbols = {}, { [1] = 0 }, {}
		for i = 0, 15 do counts[i] = 0 end
		for i = 0, #lengths do counts[lengths[i]] = counts[lengths[i]] + 1 end
		for i = 1, 14 do offsets[i + 1] = offsets[i] + counts[i] end
		for i = 0, #lengths do
			local n = lengths[i]
			if n > 0 then
				symbols[offsets[n]] = i
				offsets[n] = offsets[n] + 1
			end
		end
		return { counts = counts, symbols = symbols }
	end
	local function symbol(h)
		local c, first, index = 0, 0, 0
		for length = 1, 15 do
			c = c + get(1)
			local n = h.counts[length]
			if c - n < first then return h.symbols[index + c - first] or fail("bad code") end
			index = index + n
			first = (first + n) * 2
			c = c * 2
		end
		fail("bad code")
	end
	local fixed, fixed_distances
	local function lengths_of(from, to, length, list)
		for i = from, to do list[i] = length end
		return list
	end
	local order = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 }
	local function run()
		local head = take() * 256 + take()
		if head % 31 ~= 0 or math.floor(head / 256) % 16 ~= 8 or math.floor(head / 32) % 2 ~= 0 then fail("no zlib") end
		repeat
			local final, kind = get(1), get(2)
			if kind == 0 then
				bits, count = 0, 0
				local n = take() + take() * 256
				take()
				take()
				for _ = 1, n do put(take()) end
			elseif kind == 3 then
				fail("bad block")
			else
				local h, d
				if kind == 1 then
					if not fixed then
						fixed = code(lengths_of(280, 287, 8, lengths_of(256, 279, 7, lengths_of(144, 255, 9, lengths_of(0, 143, 8, {})))))
						fixed_distances = code(lengths_of(0, 29, 5, {}))
					end
					h, d = fixed, fixed_distances
				else
					local nl, nd, nc = get(5) + 257, get(5) + 1, get(4) + 4
					local list = lengths_of(0, 18, 0, {})
					for i = 1, nc do list[order[i]] = get(3) end
					local lengths = code(list)
					list = {}
					local i = 0
					while i < nl + nd do
						local s = symbol(lengths)
						local value, n = 0, 1
						if s < 16 then
							value = s
						elseif s == 16 then
							value, n = list[i - 1] or fail("bad lengths"), 3 + get(2)
						elseif s == 17 then
							n = 3 + get(3)
						else
							n = 11 + get(7)
						end
						for _ = 1, n do
							list[i] = value
							i = i + 1
						end
					end
					local a, b = {}, {}
					for j = 0, nl - 1 do a[j] = list[j] end
					for j = 0, nd - 1 do b[j] = list[nl + j] end
					h, d = code(a), code(b)
				end
				while true do
					local s = symbol(h)
					if s == 256 then break end
					if s < 256 then
						put(s)
					else
						local length
						if s < 265 then
							length = s - 254
						elseif s == 285 then
							length = 258
						elseif s < 285 then
							local extra = math.floor((s - 261) / 4)
							length = 3 + (4 + (s - 265) % 4) * 2 ^ extra + get(extra)
						else
							fail("bad length")
						end
						local distance = symbol(d)
						if distance > 3 then
							local extra = math.floor(distance / 2) - 1
							distance = (2 + distance % 2) * 2 ^ extra + get(extra)
						end
						distance = distance + 1
						if distance > total then fail("bad distance") end
						for _ = 1, length do put(window[(total - distance) % 32768]) end
					end
				end
			end
		until final == 1
	end
	local thread = coroutine.create(run)
	return function(bytes)
		input, at = input:sub(at) .. bytes, 1
		if coroutine.status(thread) ~= "dead" then
			local ok, err = coroutine.resume(thread)
			if not ok then error(err, 0) end
		end
		local text = table.concat(out)
		out = {}
		return text, coroutine.status(thread) == "dead"
	end
end

-- Messages.

local message_types = { [1] = "call", [2] = "reply", [3] = "exception", [4] = "oneway" }
local application_exception = {
	[1] = { name = "message", t = { k = "string" }, field = fields.message },
	[2] = { name = "type", t = { k = "enum", of = "TApplicationException" }, field = fields.error },
}
enums.TApplicationException = {
	[0] = "unknown", "unknown method", "invalid message type", "wrong method name", "bad sequence id", "missing result", "internal error",
	"protocol error", "invalid transform", "invalid protocol", "unsupported client type",
}

local function is_name(name) return #name <= 1024 and name:match("^[%a_][%w_.:/-]*$") end

-- head_of reads what precedes the value of the message at off: { type, seqid, name, protocol, value = offset }; nil if none begins here.
local function head_of(s, off, limit)
	local r = { s = s, off = off, limit = limit }
	local first = byte(r)
	local h = { at = off }
	if first == 0x82 then
		r.compact, h.compact = true, true
		local second = byte(r)
		local version = second % 32
		if version ~= 1 and version ~= 2 then return nil end
		h.big = version == 2
		h.type = math.floor(second / 32)
		h.seqid = signed(varint(r), 32)
		h.protocol = "compact"
	elseif first == 0x80 then
		if byte(r) ~= 1 then return nil end
		byte(r)
		h.type, h.protocol = byte(r), "binary"
	elseif first == 0 then
		h.protocol, h.old = "binary", true
		r.off = off
	elseif first == 0x5b then -- [
		r.off = off
		local strict = s:match("^%[%s*1%s*,%s*\"", off + 1)
		if not strict and not s:match("^%[%s*\"", off + 1) then
			if s:match("^%[[%s1,]*$", off + 1) then error(need) end
			return nil
		end
		if not s:match("^%[[%s1,]*\"[%a_][%w_.:/-]*\"%s*,%s*[1-4]%s*,", off + 1) then
			if limit - off < 1100 and not s:find("[{}]", off + 1) then error(need) end
			return nil
		end
		local node = json(r, 0)
		local i = strict and 1 or 0
		local name, kind, seqid, body = node[i + 1], node[i + 2], node[i + 3], node[i + 4]
		if not body or body.k ~= "object" or #node ~= i + 4 or not tonumber(seqid.v) then return nil end
		h.protocol, h.name, h.type, h.seqid = strict and "json" or "simple-json", name.v, tonumber(kind.v), math.floor(tonumber(seqid.v))
		h.body, h.value, h.stop = body, body.a, r.off
		return h
	elseif first == 0x7b then -- {
		r.off = off
		if not s:match("^{%s*\"", off + 1) then return nil end
		local node = json(r, 0)
		local meta, body = member(node, "metadata"), member(node, "payload")
		local name, kind, seqid = member(meta, "name"), member(meta, "ttype"), member(meta, "seqid")
		if not body or not name or not kind or not seqid or not tonumber(kind.v) or not tonumber(seqid.v) then return nil end
		h.protocol, h.name, h.type, h.seqid = "thriftpy2-json", name.v, math.floor(tonumber(kind.v)), math.floor(tonumber(seqid.v))
		h.body, h.value, h.stop = body, body.a, r.off
		if not message_types[h.type] or not is_name(h.name) then return nil end
		return h
	else
		return nil
	end
	if not h.old and not message_types[h.type] then return nil end
	local n = size(r)
	if n < 1 or n > 1024 then return nil end
	local at = skip(r, n)
	h.name = s:sub(at + 1, at + n)
	if not is_name(h.name) then return nil end
	if h.old then
		h.type = byte(r)
		if not message_types[h.type] then return nil end
	end
	if not h.compact then h.seqid = signed(u32(s, skip(r, 4)), 32) end
	h.value = r.off
	return h
end

local function walk(h, s, tvb, tree, desc, limit, whole, notes)
	local r = { s = s, tvb = tvb, off = h.value, limit = limit, compact = h.compact, big = h.big, whole = whole, brief = notes, cut = tree ~= nil }
	if h.body then
		r.json_struct = h.protocol == "json" and json_by_id or json_by_name
		local first = r.json_struct(r, tree, h.body, desc, 1)
		return h.stop, first, r.misfits
	end
	local first = read_struct(r, tree, desc, 1)
	return r.off, first, r.misfits
end

-- info_of reads the keys and values of THeader, from off to stop.
local function theader_keys(r, meta)
	while r.off < r.limit do
		local kind = varint(r)
		if kind == 0 then return end
		for _ = 1, kind <= 2 and varint(r) or 0 do
			local at, n = r.off, 0
			n = varint(r)
			local key = r.s:sub(skip(r, n) + 1, r.off)
			n = varint(r)
			meta[#meta + 1] = { at, key, r.s:sub(skip(r, n) + 1, r.off), r.off }
		end
		if kind > 2 then return end
	end
end

local function ttheader_keys(r, meta)
	local function text() return r.s:sub(skip(r, u16(r.s, skip(r, 2))) + 1, r.off) end
	while r.off < r.limit do
		local kind = byte(r)
		if kind == 0x01 or kind == 0x10 then
			for _ = 1, u16(r.s, skip(r, 2)) do
				local at, key = r.off, nil
				if kind == 1 then key = text() else key = string.format("%d", u16(r.s, skip(r, 2))) end
				meta[#meta + 1] = { at, key, text(), r.off }
			end
		elseif kind == 0x11 then
			local at = r.off
			meta[#meta + 1] = { at, "acl token", text(), r.off }
		elseif kind ~= 0 then
			return
		end
	end
end

-- find describes what begins at off: a message, or what may precede one. It returns nil if that is nothing of Thrift, and throws need
-- if more bytes have to come to tell.
local function find(s, off)
	local limit = #s
	local m = { off = off, s = s, inner = 0 }
	local first, second = s:byte(off + 1, off + 2)
	local function bare(at, stop, transport)
		m.transport = transport
		m.head = head_of(m.s, at, stop or #m.s)
		if not m.head then return nil end
		m.limit = stop or #m.s
		m.whole = stop ~= nil
		m.stop = stop
		return m
	end
	if first == 0x80 or first == 0x82 or first == 0x5b then return bare(off, nil, "buffered") end
	if first == 0x50 or first == 0x0d then -- the PROXY protocol
		local line = s:match("^PROXY [^\r\n]*\r\n", off + 1)
		local stop = line and off + #line
		if not line and s:sub(off + 1, off + 12) == "\r\n\r\n\0\r\nQUIT\n" then
			if limit - off < 16 then error(need) end
			stop = off + 16 + u16(s, off + 14)
		end
		if not stop then return nil end
		if stop > limit then error(need) end
		return { off = off, s = s, stop = stop, note = "PROXY protocol" }
	end
	if limit - off < 5 then error(need) end
	local length = u32(s, off + (first >= 1 and first <= 5 and 1 or 0))
	if first >= 1 and first <= 5 and length <= 65536 and limit - off >= 5 then
		if limit - off < 5 + length then error(need) end
		return { off = off, s = s, stop = off + 5 + length, note = "SASL negotiation", sasl = true }
	end
	if first >= 0x04 then return nil end
	length = u32(s, off)
	if limit - off < 8 then error(need) end
	local stop = off + 4 + length
	local a, b = s:byte(off + 5, off + 6)
	local magic = a * 256 + b
	if length < 4 or length > max_message then return nil end
	if magic == 0x0fff or magic == 0x1000 then
		if length < 14 then return nil end
		if limit < stop then m.missing = stop - limit; m.head_known = true; error(m) end
		local start = off + 14 + u16(s, off + 12) * 4
		if start >= stop then return nil end
		m.meta = {}
		local r = { s = s, off = off + 14, limit = start }
		if magic == 0x0fff then
			varint(r) -- the protocol, which the message tells as well
			local zlib = false
			for _ = 1, varint(r) do
				if varint(r) ~= 1 then
					return { off = off, s = s, stop = stop, note = "THeader with an unknown transform" }
				end
				zlib = true
			end
			pcall(theader_keys, r, m.meta)
			if zlib then
				local text, ended = inflater()(s:sub(start + 1, stop))
				if not ended then fail("zlib") end
				m.s = text
				m.frame_stop = stop
				local found = bare(0, #text, "header, zlib")
				if found then found.stop = stop end
				return found
			end
			return bare(start, stop, "header")
		end
		r.off = off + 16 -- after the protocol and the transforms, which Kitex leaves at 0
		pcall(ttheader_keys, r, m.meta)
		if stop - start > 4 and u32(s, start) == stop - start - 4 then start = start + 4 end -- Kitex may frame the message once more
		return bare(start, stop, "ttheader")
	end
	local inner = u32(s, off + 4)
	local framed = magic == 0x8001 or a == 0x82 and (b % 32 == 1 or b % 32 == 2) or a == 0x5b or inner > 0 and inner < length
	if a == 0x7b and (b == 0x22 or b <= 0x20) then -- thriftpy2's JSON has a length anyway
		if limit < stop then m.missing = stop - limit; error(m) end
		return bare(off + 4, stop, "buffered")
	end
	if framed and inner == length - 4 and length >= 69 then
		if limit < off + 9 then error(need) end
		if s:byte(off + 9) == 0x7b then
			if limit < stop then m.missing = stop - limit; error(m) end
			return bare(off + 8, stop, "framed")
		end
	end
	if framed then
		if limit < stop then
			if a ~= 0x5b then -- its beginning has to be one of a message
				local ok, h = pcall(head_of, s, off + 4, limit)
				if ok and not h or not ok and h ~= need then return nil end
				m.head = ok and h or nil
			end
			m.transport, m.missing = "framed", stop - limit
			error(m)
		end
		return bare(off + 4, stop, "framed")
	end
	return bare(off, nil, "buffered")
end

-- Connections.

local streams = {} -- by number: { [direction] = { next, gap, …}, waiting, services }
local seen = {} -- by message: the other packet, and the time between
local inflated = {} -- by packet: the messages that were complete with it

local tcp_stream, udp_stream = Field.new("tcp.stream"), Field.new("udp.stream")
local frame_time = Field.new("frame.time_epoch") -- exact, as pinfo.abs_ts is not
local tcp_seq, tcp_len, tcp_ack = Field.new("tcp.seq_raw"), Field.new("tcp.len"), Field.new("tcp.ack_raw")

local function last_of(extractor)
	local all = { extractor() }
	return all[#all] and all[#all].value
end

local function before(a, b) return (b - a) % 2 ^ 32 < 2 ^ 31 and a ~= b end

-- state returns what is known of the packet's connection and of its direction.
local function state(pinfo)
	local number, kind = last_of(tcp_stream), "tcp"
	if not number then number, kind = last_of(udp_stream), "udp" end
	if not number then return nil end
	local key = kind .. string.format("%d", number)
	local c = streams[key]
	if not c then
		c = { waiting = {}, calls = 0, ids = {} }
		streams[key] = c
	end
	local side = pinfo.src_port .. " " .. tostring(pinfo.src)
	c[side] = c[side] or { conn = c }
	return c, c[side]
end

-- follow notes where bytes of a direction are missing, when a packet is seen for the first time.
local function follow(pinfo, c, d)
	if pinfo.visited or d.packet == pinfo.number then return end
	d.packet = pinfo.number
	local seq, len = last_of(tcp_seq), last_of(tcp_len)
	if not seq then return end
	if d.next and before(d.next, seq) then d.gap, c.gaps = seq, true end
	if not d.next or before(d.next, (seq + len) % 2 ^ 32) then d.next = (seq + len) % 2 ^ 32 end
end

local function same_method(call, reply) return call == reply or call:match(":(.*)$") == reply end

-- pair finds the call of a reply, when a packet is seen for the first time. What TCP acknowledged tells which calls a reply may
-- answer, where a client gives all calls the same sequence id.
local function pair(pinfo, h, key, cut_short)
	if pinfo.visited then return seen[key] end
	local c, d = state(pinfo)
	if not c or seen[key] then return seen[key] end
	local seq, len, ack = last_of(tcp_seq), last_of(tcp_len), last_of(tcp_ack)
	if h.type == 1 then
		for i = 1, math.min(c.calls, 16) do
			if c.ids[i] == h.seqid then c.repeated = true end
		end
		for _, other in ipairs(c.waiting) do
			if other.seqid == h.seqid then
				c.repeated = true
				if other.ack == ack then c.pipelined = true end
			end
		end
		c.ids[c.calls % 16 + 1] = h.seqid
		c.calls = c.calls + 1
		local entry = { number = pinfo.number, time = last_of(frame_time), name = h.name, seqid = h.seqid, key = key, cut = cut_short, seq = seq, ack = ack }
		c.waiting[#c.waiting + 1] = entry
		seen[key] = { entry = entry }
		return seen[key]
	elseif h.type == 2 or h.type == 3 then
		seen[key] = {}
		local distinct = c.calls > 3 and not c.repeated -- a few calls do not tell
		local fallback
		for i, call in ipairs(c.waiting) do
			local may = same_method(call.name, h.name)
			if may and seq and call.seq then
				may = before(call.ack, (seq + len) % 2 ^ 32) and before(call.seq, ack) and
					not (not distinct and d.gap and before(call.ack, d.gap))
			end
			if may and call.seqid == h.seqid then
				if not distinct and c.gaps and c.pipelined then return seen[key] end
				fallback = i
				break
			end
			-- a server that does not echo ids: its reply begins where the client was when it called
			if may and not fallback and i == 1 and not c.gaps and call.ack == seq then fallback = i end
		end
		if fallback then
			local call = table.remove(c.waiting, fallback)
			seen[call.key].reply = pinfo.number
			seen[key] = { call = call.number, entry = call }
			if not call.cut and not cut_short then seen[key].time = last_of(frame_time) - call.time end -- the last packet is not known else
		end
		return seen[key]
	end
	return nil
end

-- method_of returns the method that a message names: by the service before the name, by what fits, and by what the connection
-- called before. The second result says which others it may be.
local function method_of(h, c, fits)
	local service, name = h.name:match("^([^:]*):(.*)$")
	local list = methods[name or h.name]
	if not list then return nil end
	if service then
		for _, m in ipairs(list) do
			if m.service == service or m.inherited[service] then return m end
		end
	end
	if #list == 1 then return list[1] end
	local fitting = {}
	for _, m in ipairs(list) do
		if fits(m) then fitting[#fitting + 1] = m end
	end
	if #fitting == 0 then return nil end
	for _, m in ipairs(fitting) do
		if c and c.services and c.services[m.service] then return m end
	end
	if #fitting == 1 then
		if c then
			c.services = c.services or {}
			c.services[fitting[1].service] = true
		end
		return fitting[1]
	end
	local others = {}
	for i = 2, #fitting do others[#others + 1] = fitting[i].service .. "." .. fitting[i].name end
	return fitting[1], table.concat(others, ", ")
end

-- show adds a message to the tree, and returns what the column Info says of it. tvb has the bytes m.s.
local function show(m, tvb, outer, pinfo, root)
	local h = m.head
	local c = state(pinfo)
	local frame_range = outer:range(m.off, m.stop - m.off)
	local source = m.s == m.outer_s and outer or tvb
	local key = pinfo.number .. ":" .. outer:offset() + m.off .. ":" .. #m.outer_s .. ":" .. (m.serial or 0) .. ":" .. h.type .. ":" .. h.seqid
	local pairing = pair(pinfo, h, key, m.cut)
	local entry = pairing and pairing.entry
	local function part(method) return (h.type == 1 or h.type == 4) and method.args or method.reply end
	local method, others
	if (h.type == 2 or h.type == 3) and entry then
		method, others = entry.method, entry.others
	else
		method, others = method_of(h, c, function(candidate)
			local ok, _, _, misfits = pcall(walk, h, m.s, nil, nil, part(candidate), m.limit, m.whole)
			return ok and not misfits
		end)
	end
	if h.type == 1 and entry then entry.method, entry.others = method, others end
	local name = method and method.service .. "." .. method.name or h.name
	local tree = root:add(proto, frame_range, "Thrift " .. message_types[h.type] .. " " .. name)
	local head_range = source:range(h.at, h.value - h.at)
	tree:add(fields.type, head_range, h.type)
	tree:add(fields.method, head_range, name)
	tree:add(fields.seqid, head_range, h.seqid)
	tree:add(fields.dialect, frame_range, h.protocol .. (h.old and ", old" or "") .. ", " .. m.transport .. (m.over or ""))
	if others then tree:add(fields.note, head_range, "may also be " .. others) end
	for _, pair_of in ipairs(m.meta or {}) do
		tree:add(fields.metadata, outer:range(pair_of[1], pair_of[4] - pair_of[1]), pair_of[2] .. ": " .. pair_of[3])
	end
	local notes = {}
	local desc = method and part(method)
	if h.type == 3 then desc = application_exception end
	local ok, _, first = pcall(walk, h, m.s, source, tree, desc, m.limit, m.whole, notes)
	local exception
	if h.type == 3 then
		exception = "TApplicationException"
	elseif h.type == 2 and first and first ~= 0 then
		local f = desc and desc[first]
		exception = f and f.of or "exception " .. string.format("%d", first)
		notes = {}
	end
	if exception then tree:add(fields.exception, head_range, exception) end
	if pairing and pairing.call then
		tree:add(fields.call_in, head_range, pairing.call):set_generated()
		if pairing.time then tree:add(fields.time, head_range, pairing.time):set_generated() end
	elseif pairing and pairing.reply then
		tree:add(fields.reply_in, head_range, pairing.reply):set_generated()
	end
	local info = message_types[h.type] .. " " .. name
	if h.type == 1 or h.type == 4 then
		info = info .. "(" .. table.concat(notes, ", ") .. ")"
	elseif exception then
		info = info .. ": " .. exception .. (h.type == 3 and " " .. table.concat(notes, ", ") or "")
	elseif notes[1] then
		info = info .. ": " .. notes[1]
	end
	if not ok then
		tree:add_proto_expert_info(cut)
		info = info .. " [cut]"
	end
	return info
end

-- message finds a whole message at off of s: its description, whose stop is known, or nil. It throws need, or a table with the
-- number of bytes that are missing.
local function message(s, off)
	local m = find(s, off)
	if not m or m.note then return m end
	local stop, _ = walk(m.head, m.s, nil, nil, nil, m.limit, m.whole)
	if m.whole and stop ~= m.limit then return nil end
	m.stop = m.stop or stop
	m.outer_s = s
	return m
end

-- attempt calls message and returns what it found; else how many bytes have to come at least. cut says what the
-- beginning of the message is, if it is one.
local function attempt(s, off)
	need.more = 1
	local ok, m = pcall(message, s, off)
	if ok then return m end
	if m == need then return nil, need.more end
	if type(m) == "table" and m.missing then return nil, m.missing, m end
	if type(m) == "table" and m.why then return nil end
	error(m, 0) -- a mistake in this program
end

-- compressed reads the messages in a direction that zlib compresses as a whole.
local function compressed(tvb, s, pinfo, root, c, d)
	local key = pinfo.number .. ":" .. tvb:offset() .. ":" .. #s
	if not pinfo.visited and not inflated[key] then
		local list = {}
		inflated[key] = list
		if not d.inflate then d.inflate, d.text = inflater(), "" end
		local ok, text = pcall(d.inflate, s)
		if not ok or d.gap then
			d.broken = true
			list.broken = true
		elseif not d.broken then
			d.text = d.text .. text
			local off = 0
			while off < #d.text and #d.text - off >= (d.text_least or 0) do
				local m, more = attempt(d.text, off)
				d.text_least = more and #d.text - off + more
				if not m then break end
				list[#list + 1] = d.text:sub(off + 1, m.stop)
				off = m.stop
			end
			d.text = d.text:sub(off + 1)
		end
	end
	local infos = {}
	for i, text in ipairs(inflated[key] or {}) do
		local inner = ByteArray.new(text, true):tvb("Decompressed")
		local m = attempt(text, 0)
		if m and m.head then
			m.over, m.serial = ", zlib", i
			infos[#infos + 1] = show(m, m.s ~= text and ByteArray.new(m.s, true):tvb("Decompressed") or inner, inner, pinfo, root)
		end
	end
	if #infos == 0 then
		root:add(proto, tvb:range(), "Thrift, compressed" .. ((inflated[key] or {}).broken and ": the start is missing" or ""))
	end
	return infos
end

local function is_zlib(s)
	local a, b = s:byte(1, 2)
	return a == 0x78 and b and (a * 256 + b) % 31 == 0
end

function proto.dissector(tvb, pinfo, root)
	local s = tvb:raw()
	local c, d = state(pinfo)
	local off, infos = 0, {}
	if d then
		follow(pinfo, c, d)
		if d.zlib == nil and not pinfo.visited then d.zlib = is_zlib(s) == true end
		if d.zlib then
			infos = compressed(tvb, s, pinfo, root, c, d)
			off = tvb:len()
		end
	end
	while off < #s do
		local m, more, known
		if off == 0 and d and not pinfo.visited and d.least and #s < d.least and s:sub(1, 64) == d.begun then
			more = d.least - #s -- as was found when less of it was there
		else
			m, more, known = attempt(s, off)
		end
		if m and m.note then
			root:add(proto, tvb:range(off, m.stop - off), "Thrift, " .. m.note)
			infos[#infos + 1] = m.note
			off = m.stop
			if d and d.zlib == false and off < #s and is_zlib(s:sub(off + 1, off + 2)) and not pinfo.visited then d.zlib = nil end
		elseif m then
			infos[#infos + 1] = show(m, m.s ~= s and ByteArray.new(m.s, true):tvb("Decompressed") or tvb, tvb, pinfo, root)
			off = m.stop
		elseif more and tvb:len() == tvb:reported_len() and pinfo.can_desegment > 0 then
			pinfo.desegment_offset = off
			pinfo.desegment_len = known and more or DESEGMENT_ONE_MORE_SEGMENT
			if d and not pinfo.visited then d.begun, d.least = s:sub(off + 1, off + 64), #s - off + more end
			off = tvb:len()
			break
		elseif more then -- the packet was cut when it was captured
			local at = off + ((known and known.transport == "framed") and 4 or 0)
			local ok, h = pcall(head_of, s, at, #s)
			if ok and h and not h.body then
				local cut = { cut = true, off = off, stop = #s, s = s, outer_s = s, head = h, limit = #s, transport = at > off and "framed" or "buffered" }
				infos[#infos + 1] = show(cut, tvb, tvb, pinfo, root)
			end
			off = tvb:len()
			break
		else
			break
		end
	end
	if #infos > 0 then
		pinfo.cols.protocol = "THRIFT"
		pinfo.cols.info = table.concat(infos, ", ")
	end
	return off
end

-- begins reports whether a message begins with s, as far as the bytes tell.
local function begins(s)
	if #s < 8 then return false end
	if is_zlib(s) then
		local ok, text = pcall(inflater(), s)
		return ok and #text >= 8 and not is_zlib(text) and begins(text)
	end
	local first = s:byte(1)
	if first >= 1 and first <= 5 and not s:match("^\1%z%z%z[\1-\20]%u") then return false end
	local m, more, known = attempt(s, 0)
	if m and m.note and not m.sasl then return m.stop == #s or begins(s:sub(m.stop + 1)) end
	if m then return true end
	if not more then return false end
	if known and (known.head or known.head_known) then return true end
	for _, at in ipairs({ 1, 5, 9 }) do -- JSON, with the length of a frame and that of thriftpy2's text before it
		if s:match("^%[%s*1%s*,%s*\"[%w_.:/-]+\"%s*,%s*[1-4]%s*,", at) or s:match("^{%s*\"metadata\"%s*:%s*{", at) then return true end
	end
	local ok, h = pcall(head_of, s, 0, #s)
	return ok and h ~= nil and not h.old
end

local function heuristic(tvb, pinfo, root)
	if not begins(tvb:raw()) then return false end
	if last_of(tcp_stream) then pinfo.conversation = proto end
	return proto.dissector(tvb, pinfo, root) > 0
end

local function in_datagram(tvb, pinfo, root)
	local m = tvb:len() >= 8 and attempt(tvb:raw(), 0)
	if not m or not m.head or m.stop ~= tvb:len() then return false end
	return proto.dissector(tvb, pinfo, root) > 0
end

local tcp_ports = DissectorTable.get("tcp.port")
tcp_ports:add_for_decode_as(proto)
proto.prefs.ports = Pref.range("TCP ports", default_ports, "Ports that carry Thrift, such as 6000, where Wireshark expects another protocol", 65535)
if default_ports ~= "" then tcp_ports:add(default_ports, proto) end
local used_ports = default_ports

function proto.prefs_changed()
	local ports = tostring(proto.prefs.ports or "")
	if ports == used_ports then return end
	if used_ports ~= "" then tcp_ports:remove(used_ports, proto) end
	if ports ~= "" then tcp_ports:add(ports, proto) end
	used_ports = ports
end

for _, kind in ipairs({ "x-thrift", "vnd.apache.thrift.binary", "vnd.apache.thrift.compact", "vnd.apache.thrift.json" }) do
	DissectorTable.get("media_type"):add("application/" .. kind, proto)
end

local registered = false

function proto.init()
	streams, seen, inflated = {}, {}, {}
	if not registered then -- as late as this, it comes before Wireshark's own dissector for Thrift
		registered = true
		proto:register_heuristic("tcp", heuristic)
		proto:register_heuristic("udp", in_datagram)
		for _, list in ipairs({ "tls", "http" }) do
			pcall(function() proto:register_heuristic(list, heuristic) end)
		end
	end
end
