# The hub and its workers: one image, the command decides (see docker-compose.yml).
FROM python:3.13-slim
RUN useradd --create-home --uid 10001 ssa-hub && install -d -o ssa-hub /data
WORKDIR /opt/ssa-hub
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY conjunction conjunction
COPY ingest ingest
COPY ssa_hub ssa_hub
RUN pip install --no-cache-dir -c constraints.txt .
USER ssa-hub
ENV NUMBA_CACHE_DIR=/data/numba-cache
VOLUME /data
ENTRYPOINT ["ssa-hub"]
CMD ["up", "--data-dir", "/data", "--host", "0.0.0.0"]
