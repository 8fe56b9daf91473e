// Package dubbo tests thriftkit against programs of Dubbo: dubbo-go and Dubbo for Java, and dubbo-go-hessian2 as the oracle of
// wire/hessian2. It is a module of its own, outside of the workspace, for the sake of the libraries that these need.
package dubbo
