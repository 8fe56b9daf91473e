# The program alone, for CI jobs and clusters: docker run --rm -v "$PWD:/work" IMAGE check foo.thrift
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH VERSION
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X main.released=$VERSION" -o /thriftkit ./cmd/thriftkit

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /thriftkit /usr/bin/thriftkit
WORKDIR /work
ENTRYPOINT ["/usr/bin/thriftkit"]
