service Shop {
  string look(1: string id) (thriftkit.readonly = "true")
  string buy(1: string id)
}
