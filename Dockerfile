# One image for every process: `emberone web`, `worker`, `beat`, `migrate`.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements requirements
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-build-isolation --requirement requirements/run.txt
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --create-home emberone
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER emberone
WORKDIR /home/emberone
EXPOSE 5000
CMD ["emberone", "web"]
