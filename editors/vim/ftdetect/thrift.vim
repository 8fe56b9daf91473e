autocmd BufRead,BufNewFile *.thrift setfiletype thrift
