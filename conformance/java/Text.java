import conformance.Defaults;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.thrift.TBase;
import org.apache.thrift.TEnum;
import org.apache.thrift.TFieldIdEnum;
import org.apache.thrift.meta_data.FieldMetaData;

/** The text form of values that conformance.thrift defines. */
final class Text {
  private Text() {}

  static String of(Object v) {
    if (v instanceof Double) {
      double d = (Double) v;
      return d != d ? "nan" : String.format("%016x", Double.doubleToRawLongBits(d));
    }
    if (v instanceof String) {
      return '"' + ((String) v).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
    if (v instanceof byte[]) {
      StringBuilder s = new StringBuilder("x'");
      for (byte b : (byte[]) v) {
        s.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
      }
      return s.append("'").toString();
    }
    if (v instanceof ByteBuffer) {
      ByteBuffer b = ((ByteBuffer) v).duplicate();
      byte[] bytes = new byte[b.remaining()];
      b.get(bytes);
      return of(bytes);
    }
    if (v instanceof TEnum) {
      return Integer.toString(((TEnum) v).getValue());
    }
    if (v instanceof List) {
      return "[" + String.join(",", all((List<?>) v)) + "]";
    }
    if (v instanceof Set) {
      return "{" + String.join(",", sorted(all((Set<?>) v))) + "}";
    }
    if (v instanceof Map) {
      List<String> pairs = new ArrayList<>();
      ((Map<?, ?>) v).forEach((key, value) -> pairs.add(of(key) + ":" + of(value)));
      return "{" + String.join(",", sorted(pairs)) + "}";
    }
    if (v instanceof TBase) {
      return struct((TBase<?, ?>) v);
    }
    return String.valueOf(v); // booleans and integers
  }

  private static List<String> all(Collection<?> values) {
    List<String> texts = new ArrayList<>();
    values.forEach(v -> texts.add(of(v)));
    return texts;
  }

  private static List<String> sorted(List<String> texts) {
    texts.sort((a, b) -> Arrays.compareUnsigned(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8)));
    return texts;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static String struct(TBase v) {
    List<String> fields = new ArrayList<>();
    Map<? extends TFieldIdEnum, FieldMetaData> all = FieldMetaData.getStructMetaDataMap((Class) v.getClass());
    for (TFieldIdEnum f : all.keySet()) {
      if (v.isSet(f) || isDefault(v, f)) {
        fields.add(f.getFieldName() + "=" + of(v.getFieldValue(f)));
      }
    }
    return v.getClass().getSimpleName() + "{" + String.join(",", fields) + "}";
  }

  /** Whether a field has its default because it was not sent: the generated code does not say so of a primitive. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private static boolean isDefault(TBase v, TFieldIdEnum f) {
    return v instanceof Defaults && f != Defaults._Fields.WITHOUT_DEFAULT && v.getFieldValue(f) != null;
  }
}
