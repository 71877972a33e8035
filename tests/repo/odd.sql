CREATE TABLE users (id serial PRIMARY KEY, username varchar(50) UNIQUE NOT NULL, password_hash varchar(255) NOT NULL,
  role varchar(20) NOT NULL CHECK (role IN ('siswa', 'guru', 'admin')), full_name varchar(100),
  created_at timestamp DEFAULT CURRENT_TIMESTAMP, updated_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE sessions (id serial PRIMARY KEY, user_id integer REFERENCES users (id) ON DELETE CASCADE,
  token varchar(255) UNIQUE NOT NULL, expires_at timestamp NOT NULL, created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE subjects (id serial PRIMARY KEY, grade integer NOT NULL CHECK (grade BETWEEN 10 AND 12),
  name varchar(100) NOT NULL, code varchar(50) UNIQUE NOT NULL, created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE books (id serial PRIMARY KEY, subject_id integer REFERENCES subjects (id) ON DELETE CASCADE,
  title varchar(255) NOT NULL, filename varchar(255), vkp_version varchar(20), chunk_count integer DEFAULT 0,
  created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE chat_history (id serial PRIMARY KEY, user_id integer REFERENCES users (id) ON DELETE CASCADE,
  subject_id integer REFERENCES subjects (id) ON DELETE SET NULL, question text NOT NULL, response text NOT NULL,
  confidence double precision, created_at timestamp DEFAULT CURRENT_TIMESTAMP);
INSERT INTO users (username, password_hash, role, full_name) VALUES ('budi', repeat('0', 64), 'siswa', 'Budi'),
  ('ibu.guru', repeat('1', 64), 'guru', NULL);
INSERT INTO sessions (user_id, token, expires_at) VALUES (1, 'token-polos', '2099-01-01'), (2, 'token-lama', '2001-01-01');
INSERT INTO subjects (grade, name, code) VALUES (10, 'Kimia', 'KIM'), (11, 'Fisika', 'FIS');
INSERT INTO books (subject_id, title) VALUES (1, 'Atom'), (2, 'Gaya');
INSERT INTO chat_history (user_id, subject_id, question, response, confidence, created_at)
  SELECT 1, 1, 'Apa ' || n, 'Ini', 0.5, '2025-07-14 07:00'::timestamp + n * interval '1 hour' FROM generate_series(1, 20) n;
INSERT INTO chat_history (user_id, subject_id, question, response, created_at) VALUES (NULL, NULL, 'Siapa?', '', NULL);
