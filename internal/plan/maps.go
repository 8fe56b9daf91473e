package plan

import "reflect"

// A MapType names the Go maps that walkers read and write as what they are, not by reflection.
type MapType uint8

// The maps; every other one is OtherMap.
const (
	OtherMap MapType = iota
	MapStringString
	MapStringI32
	MapStringI64
	MapStringDouble
	MapI32String
	MapI64String
	MapI32I64
	MapI64I64
	MapI64Double
	MapStringPointer // the elements are pointers: walkers see a map[string]mem.Pointer
	MapI32Pointer
	MapI64Pointer
)

const useMapTypes = true // false: all maps are OtherMap

var mapTypes = map[reflect.Type]MapType{
	reflect.TypeFor[map[string]string]():  MapStringString,
	reflect.TypeFor[map[string]int32]():   MapStringI32,
	reflect.TypeFor[map[string]int64]():   MapStringI64,
	reflect.TypeFor[map[string]float64](): MapStringDouble,
	reflect.TypeFor[map[int32]string]():   MapI32String,
	reflect.TypeFor[map[int64]string]():   MapI64String,
	reflect.TypeFor[map[int32]int64]():    MapI32I64,
	reflect.TypeFor[map[int64]int64]():    MapI64I64,
	reflect.TypeFor[map[int64]float64]():  MapI64Double,
}

var pointerMaps = map[reflect.Type]MapType{
	reflect.TypeFor[string](): MapStringPointer,
	reflect.TypeFor[int32]():  MapI32Pointer,
	reflect.TypeFor[int64]():  MapI64Pointer,
}

func mapTypeOf(t reflect.Type) MapType {
	if !useMapTypes {
		return OtherMap
	}
	if t.Elem().Kind() == reflect.Pointer {
		return pointerMaps[t.Key()]
	}
	return mapTypes[t]
}
