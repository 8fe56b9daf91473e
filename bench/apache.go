package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
)

// The methods below make the calls on thrift.TProtocol that the Go code of Apache's compiler
// makes for bench.thrift, field by field, with the same checks and wrapped errors.

type (
	echoArgs   struct{ V string }
	echoResult struct{ Success *string }
)

func (p *Login) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 1 && typ == thrift.STRING:
			err = p.readField1(ctx, iprot)
		case id == 2 && typ == thrift.STRING:
			err = p.readField2(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *Login) readField1(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 1: ", err)
	}
	p.Username = v
	return nil
}

func (p *Login) readField2(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 2: ", err)
	}
	p.Password = v
	return nil
}

func (p *Login) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "Login"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField1(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField2(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *Login) writeField1(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "username", thrift.STRING, 1); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 1:username: ", p), err)
	}
	if err := oprot.WriteString(ctx, p.Username); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.username (1) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 1:username: ", p), err)
	}
	return nil
}

func (p *Login) writeField2(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "password", thrift.STRING, 2); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 2:password: ", p), err)
	}
	if err := oprot.WriteString(ctx, p.Password); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.password (2) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 2:password: ", p), err)
	}
	return nil
}

func (p *Point) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 1 && typ == thrift.I32:
			err = p.readField1(ctx, iprot)
		case id == 2 && typ == thrift.I32:
			err = p.readField2(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *Point) readField1(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadI32(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 1: ", err)
	}
	p.X = v
	return nil
}

func (p *Point) readField2(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadI32(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 2: ", err)
	}
	p.Y = v
	return nil
}

func (p *Point) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "Point"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField1(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField2(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *Point) writeField1(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "x", thrift.I32, 1); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 1:x: ", p), err)
	}
	if err := oprot.WriteI32(ctx, p.X); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.x (1) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 1:x: ", p), err)
	}
	return nil
}

func (p *Point) writeField2(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "y", thrift.I32, 2); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 2:y: ", p), err)
	}
	if err := oprot.WriteI32(ctx, p.Y); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.y (2) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 2:y: ", p), err)
	}
	return nil
}

func (p *Item) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 1 && typ == thrift.STRING:
			err = p.readField1(ctx, iprot)
		case id == 2 && typ == thrift.I32:
			err = p.readField2(ctx, iprot)
		case id == 3 && typ == thrift.DOUBLE:
			err = p.readField3(ctx, iprot)
		case id == 4 && typ == thrift.STRUCT:
			err = p.readField4(ctx, iprot)
		case id == 5 && typ == thrift.LIST:
			err = p.readField5(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *Item) readField1(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 1: ", err)
	}
	p.Code = v
	return nil
}

func (p *Item) readField2(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadI32(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 2: ", err)
	}
	p.Amount = v
	return nil
}

func (p *Item) readField3(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadDouble(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 3: ", err)
	}
	p.Price = v
	return nil
}

func (p *Item) readField4(ctx context.Context, iprot thrift.TProtocol) error {
	p.At = &Point{}
	if err := p.At.Read(ctx, iprot); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T error reading struct: ", p.At), err)
	}
	return nil
}

func (p *Item) readField5(ctx context.Context, iprot thrift.TProtocol) error {
	_, size, err := iprot.ReadListBegin(ctx)
	if err != nil {
		return thrift.PrependError("error reading list begin: ", err)
	}
	list := make([]string, 0, size)
	for range size {
		v, err := iprot.ReadString(ctx)
		if err != nil {
			return thrift.PrependError("error reading field 0: ", err)
		}
		list = append(list, v)
	}
	if err := iprot.ReadListEnd(ctx); err != nil {
		return thrift.PrependError("error reading list end: ", err)
	}
	p.Tags = list
	return nil
}

func (p *Item) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "Item"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField1(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField2(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField3(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField4(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField5(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *Item) writeField1(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "code", thrift.STRING, 1); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 1:code: ", p), err)
	}
	if err := oprot.WriteString(ctx, p.Code); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.code (1) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 1:code: ", p), err)
	}
	return nil
}

func (p *Item) writeField2(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "amount", thrift.I32, 2); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 2:amount: ", p), err)
	}
	if err := oprot.WriteI32(ctx, p.Amount); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.amount (2) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 2:amount: ", p), err)
	}
	return nil
}

func (p *Item) writeField3(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "price", thrift.DOUBLE, 3); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 3:price: ", p), err)
	}
	if err := oprot.WriteDouble(ctx, p.Price); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.price (3) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 3:price: ", p), err)
	}
	return nil
}

func (p *Item) writeField4(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "at", thrift.STRUCT, 4); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 4:at: ", p), err)
	}
	if err := p.At.Write(ctx, oprot); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T error writing struct: ", p.At), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 4:at: ", p), err)
	}
	return nil
}

func (p *Item) writeField5(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "tags", thrift.LIST, 5); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 5:tags: ", p), err)
	}
	if err := oprot.WriteListBegin(ctx, thrift.STRING, len(p.Tags)); err != nil {
		return thrift.PrependError("error writing list begin: ", err)
	}
	for _, v := range p.Tags {
		if err := oprot.WriteString(ctx, v); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
	}
	if err := oprot.WriteListEnd(ctx); err != nil {
		return thrift.PrependError("error writing list end: ", err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 5:tags: ", p), err)
	}
	return nil
}

func (p *Order) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 1 && typ == thrift.I64:
			err = p.readField1(ctx, iprot)
		case id == 2 && typ == thrift.STRING:
			err = p.readField2(ctx, iprot)
		case id == 3 && typ == thrift.LIST:
			err = p.readField3(ctx, iprot)
		case id == 4 && typ == thrift.MAP:
			err = p.readField4(ctx, iprot)
		case id == 5 && typ == thrift.LIST:
			err = p.readField5(ctx, iprot)
		case id == 6 && typ == thrift.LIST:
			err = p.readField6(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *Order) readField1(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadI64(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 1: ", err)
	}
	p.ID = v
	return nil
}

func (p *Order) readField2(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 2: ", err)
	}
	p.Buyer = v
	return nil
}

func (p *Order) readField3(ctx context.Context, iprot thrift.TProtocol) error {
	_, size, err := iprot.ReadListBegin(ctx)
	if err != nil {
		return thrift.PrependError("error reading list begin: ", err)
	}
	list := make([]*Item, 0, size)
	for range size {
		v := &Item{}
		if err := v.Read(ctx, iprot); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T error reading struct: ", v), err)
		}
		list = append(list, v)
	}
	if err := iprot.ReadListEnd(ctx); err != nil {
		return thrift.PrependError("error reading list end: ", err)
	}
	p.Items = list
	return nil
}

func (p *Order) readField4(ctx context.Context, iprot thrift.TProtocol) error {
	_, _, size, err := iprot.ReadMapBegin(ctx)
	if err != nil {
		return thrift.PrependError("error reading map begin: ", err)
	}
	m := make(map[string]string, size)
	for range size {
		k, err := iprot.ReadString(ctx)
		if err != nil {
			return thrift.PrependError("error reading field 0: ", err)
		}
		v, err := iprot.ReadString(ctx)
		if err != nil {
			return thrift.PrependError("error reading field 0: ", err)
		}
		m[k] = v
	}
	if err := iprot.ReadMapEnd(ctx); err != nil {
		return thrift.PrependError("error reading map end: ", err)
	}
	p.Labels = m
	return nil
}

func (p *Order) readField5(ctx context.Context, iprot thrift.TProtocol) error {
	_, size, err := iprot.ReadListBegin(ctx)
	if err != nil {
		return thrift.PrependError("error reading list begin: ", err)
	}
	list := make([]int64, 0, size)
	for range size {
		v, err := iprot.ReadI64(ctx)
		if err != nil {
			return thrift.PrependError("error reading field 0: ", err)
		}
		list = append(list, v)
	}
	if err := iprot.ReadListEnd(ctx); err != nil {
		return thrift.PrependError("error reading list end: ", err)
	}
	p.Totals = list
	return nil
}

func (p *Order) readField6(ctx context.Context, iprot thrift.TProtocol) error {
	_, size, err := iprot.ReadListBegin(ctx)
	if err != nil {
		return thrift.PrependError("error reading list begin: ", err)
	}
	list := make([]string, 0, size)
	for range size {
		v, err := iprot.ReadString(ctx)
		if err != nil {
			return thrift.PrependError("error reading field 0: ", err)
		}
		list = append(list, v)
	}
	if err := iprot.ReadListEnd(ctx); err != nil {
		return thrift.PrependError("error reading list end: ", err)
	}
	p.Notes = list
	return nil
}

func (p *Order) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "Order"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField1(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField2(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField3(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField4(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField5(ctx, oprot); err != nil {
		return err
	}
	if err := p.writeField6(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *Order) writeField1(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "id", thrift.I64, 1); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 1:id: ", p), err)
	}
	if err := oprot.WriteI64(ctx, p.ID); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.id (1) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 1:id: ", p), err)
	}
	return nil
}

func (p *Order) writeField2(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "buyer", thrift.STRING, 2); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 2:buyer: ", p), err)
	}
	if err := oprot.WriteString(ctx, p.Buyer); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.buyer (2) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 2:buyer: ", p), err)
	}
	return nil
}

func (p *Order) writeField3(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "items", thrift.LIST, 3); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 3:items: ", p), err)
	}
	if err := oprot.WriteListBegin(ctx, thrift.STRUCT, len(p.Items)); err != nil {
		return thrift.PrependError("error writing list begin: ", err)
	}
	for _, v := range p.Items {
		if err := v.Write(ctx, oprot); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
	}
	if err := oprot.WriteListEnd(ctx); err != nil {
		return thrift.PrependError("error writing list end: ", err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 3:items: ", p), err)
	}
	return nil
}

func (p *Order) writeField4(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "labels", thrift.MAP, 4); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 4:labels: ", p), err)
	}
	if err := oprot.WriteMapBegin(ctx, thrift.STRING, thrift.STRING, len(p.Labels)); err != nil {
		return thrift.PrependError("error writing map begin: ", err)
	}
	for k, v := range p.Labels {
		if err := oprot.WriteString(ctx, k); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
		if err := oprot.WriteString(ctx, v); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
	}
	if err := oprot.WriteMapEnd(ctx); err != nil {
		return thrift.PrependError("error writing map end: ", err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 4:labels: ", p), err)
	}
	return nil
}

func (p *Order) writeField5(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "totals", thrift.LIST, 5); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 5:totals: ", p), err)
	}
	if err := oprot.WriteListBegin(ctx, thrift.I64, len(p.Totals)); err != nil {
		return thrift.PrependError("error writing list begin: ", err)
	}
	for _, v := range p.Totals {
		if err := oprot.WriteI64(ctx, v); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
	}
	if err := oprot.WriteListEnd(ctx); err != nil {
		return thrift.PrependError("error writing list end: ", err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 5:totals: ", p), err)
	}
	return nil
}

func (p *Order) writeField6(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "notes", thrift.LIST, 6); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 6:notes: ", p), err)
	}
	if err := oprot.WriteListBegin(ctx, thrift.STRING, len(p.Notes)); err != nil {
		return thrift.PrependError("error writing list begin: ", err)
	}
	for _, v := range p.Notes {
		if err := oprot.WriteString(ctx, v); err != nil {
			return thrift.PrependError(fmt.Sprintf("%T. (0) field write error: ", p), err)
		}
	}
	if err := oprot.WriteListEnd(ctx); err != nil {
		return thrift.PrependError("error writing list end: ", err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 6:notes: ", p), err)
	}
	return nil
}

func (p *echoArgs) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 1 && typ == thrift.STRING:
			err = p.readField1(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *echoArgs) readField1(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 1: ", err)
	}
	p.V = v
	return nil
}

func (p *echoArgs) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "echoArgs"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField1(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *echoArgs) writeField1(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteFieldBegin(ctx, "v", thrift.STRING, 1); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 1:v: ", p), err)
	}
	if err := oprot.WriteString(ctx, p.V); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.v (1) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 1:v: ", p), err)
	}
	return nil
}

func (p *echoResult) Read(ctx context.Context, iprot thrift.TProtocol) error {
	if _, err := iprot.ReadStructBegin(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read error: ", p), err)
	}
	for {
		_, typ, id, err := iprot.ReadFieldBegin(ctx)
		if err != nil {
			return thrift.PrependError(fmt.Sprintf("%T field %d read error: ", p, id), err)
		}
		if typ == thrift.STOP {
			break
		}
		switch {
		case id == 0 && typ == thrift.STRING:
			err = p.readField0(ctx, iprot)
		default:
			err = iprot.Skip(ctx, typ)
		}
		if err != nil {
			return err
		}
		if err := iprot.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := iprot.ReadStructEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T read struct end error: ", p), err)
	}
	return nil
}

func (p *echoResult) readField0(ctx context.Context, iprot thrift.TProtocol) error {
	v, err := iprot.ReadString(ctx)
	if err != nil {
		return thrift.PrependError("error reading field 0: ", err)
	}
	p.Success = &v
	return nil
}

func (p *echoResult) Write(ctx context.Context, oprot thrift.TProtocol) error {
	if err := oprot.WriteStructBegin(ctx, "echoResult"); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write struct begin error: ", p), err)
	}
	if err := p.writeField0(ctx, oprot); err != nil {
		return err
	}
	if err := oprot.WriteFieldStop(ctx); err != nil {
		return thrift.PrependError("write field stop error: ", err)
	}
	if err := oprot.WriteStructEnd(ctx); err != nil {
		return thrift.PrependError("write struct stop error: ", err)
	}
	return nil
}

func (p *echoResult) writeField0(ctx context.Context, oprot thrift.TProtocol) error {
	if p.Success == nil {
		return nil
	}
	if err := oprot.WriteFieldBegin(ctx, "success", thrift.STRING, 0); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field begin error 0:success: ", p), err)
	}
	if err := oprot.WriteString(ctx, *p.Success); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T.success (0) field write error: ", p), err)
	}
	if err := oprot.WriteFieldEnd(ctx); err != nil {
		return thrift.PrependError(fmt.Sprintf("%T write field end error 0:success: ", p), err)
	}
	return nil
}

// apacheEcho is the processor of the service Echo.
type apacheEcho struct{}

func (apacheEcho) ProcessorMap() map[string]thrift.TProcessorFunction { return nil }

func (apacheEcho) AddToProcessorMap(string, thrift.TProcessorFunction) {}

func (apacheEcho) Process(ctx context.Context, iprot, oprot thrift.TProtocol) (bool, thrift.TException) {
	name, _, seq, err := iprot.ReadMessageBegin(ctx)
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	if name != "echo" {
		return false, thrift.NewTApplicationException(thrift.UNKNOWN_METHOD, name)
	}
	var args echoArgs
	if err := args.Read(ctx, iprot); err != nil {
		return false, thrift.WrapTException(err)
	}
	if err := iprot.ReadMessageEnd(ctx); err != nil {
		return false, thrift.WrapTException(err)
	}
	if thrift.ServerConnectivityCheckInterval > 0 {
		stop := watchConnection(ctx, iprot)
		defer stop()
	}
	result := echoResult{&args.V}
	for _, write := range []func() error{
		func() error { return oprot.WriteMessageBegin(ctx, "echo", thrift.REPLY, seq) },
		func() error { return result.Write(ctx, oprot) },
		func() error { return oprot.WriteMessageEnd(ctx) },
		func() error { return oprot.Flush(ctx) },
	} {
		if err := write(); err != nil {
			return false, thrift.WrapTException(err)
		}
	}
	return true, nil
}

// watchConnection looks every few milliseconds whether the connection of a call is still open,
// as generated code does while the handler runs.
func watchConnection(ctx context.Context, iprot thrift.TProtocol) (stop func()) {
	_, cancel := context.WithCancelCause(ctx)
	tickerCtx, tickerCancel := context.WithCancel(context.Background())
	go func() {
		ticker := time.NewTicker(thrift.ServerConnectivityCheckInterval)
		defer ticker.Stop()
		for {
			select {
			case <-tickerCtx.Done():
				return
			case <-ticker.C:
				if !iprot.Transport().IsOpen() {
					cancel(thrift.ErrAbandonRequest)
					return
				}
			}
		}
	}()
	return func() {
		tickerCancel()
		cancel(nil)
	}
}
