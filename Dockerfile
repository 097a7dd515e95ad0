# The one binary, and nothing else: it needs no libc, no shell and no files besides its data.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /lonja ./cmd/lonja && mkdir -m 0700 /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /lonja /usr/local/bin/lonja
COPY --from=build --chown=nonroot:nonroot /data /data
ENV LONJA_DATA=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/lonja"]
CMD ["serve"]
