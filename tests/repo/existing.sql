-- A NexusAI database as schools have it, with the rows that make trouble. Times are of a server in Asia/Jakarta.
CREATE TABLE users (
  id SERIAL PRIMARY KEY,
  username VARCHAR(50) UNIQUE NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  role VARCHAR(20) NOT NULL CHECK (role IN ('siswa', 'guru', 'admin')),
  full_name VARCHAR(100),
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE sessions (
  id SERIAL PRIMARY KEY,
  user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
  token VARCHAR(255) UNIQUE NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE subjects (
  id SERIAL PRIMARY KEY,
  grade INTEGER NOT NULL CHECK (grade BETWEEN 10 AND 12),
  name VARCHAR(100) NOT NULL,
  code VARCHAR(50) UNIQUE NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE books (
  id SERIAL PRIMARY KEY,
  subject_id INTEGER REFERENCES subjects (id) ON DELETE CASCADE,
  title VARCHAR(255) NOT NULL,
  filename VARCHAR(255),
  vkp_version VARCHAR(20),
  chunk_count INTEGER DEFAULT 0,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE chat_history (
  id SERIAL PRIMARY KEY,
  user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
  subject_id INTEGER REFERENCES subjects (id) ON DELETE SET NULL,
  question TEXT NOT NULL,
  response TEXT NOT NULL,
  confidence FLOAT,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE topic_mastery (
  id SERIAL PRIMARY KEY,
  user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
  subject_id INTEGER REFERENCES subjects (id) ON DELETE CASCADE,
  topic VARCHAR(255) NOT NULL,
  mastery_level FLOAT DEFAULT 0 CHECK (mastery_level BETWEEN 0 AND 1),
  question_count INTEGER DEFAULT 0,
  avg_complexity FLOAT DEFAULT 0,
  last_question_date TIMESTAMP,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (user_id, subject_id, topic)
);
CREATE TABLE weak_areas (
  id SERIAL PRIMARY KEY,
  user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
  subject_id INTEGER REFERENCES subjects (id) ON DELETE CASCADE,
  topic VARCHAR(255) NOT NULL,
  weakness_score FLOAT,
  recommendation TEXT,
  detected_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE practice_questions (
  id SERIAL PRIMARY KEY,
  subject_id INTEGER REFERENCES subjects (id) ON DELETE CASCADE,
  topic VARCHAR(255) NOT NULL,
  difficulty VARCHAR(20) CHECK (difficulty IN ('easy', 'medium', 'hard')),
  question_text TEXT NOT NULL,
  answer_hint TEXT NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_chat_history_user ON chat_history (user_id);
CREATE INDEX idx_chat_history_created ON chat_history (created_at);
CREATE INDEX idx_chat_history_subject ON chat_history (subject_id);
CREATE INDEX idx_sessions_token ON sessions (token);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);
CREATE INDEX idx_topic_mastery_user_subject ON topic_mastery (user_id, subject_id);
CREATE INDEX idx_weak_areas_user_subject ON weak_areas (user_id, subject_id);
CREATE INDEX idx_practice_questions_subject_topic ON practice_questions (subject_id, topic);
COMMENT ON TABLE users IS 'Everybody who can log in';
COMMENT ON COLUMN users.password_hash IS 'SHA-256 of the password';
COMMENT ON COLUMN chat_history.created_at IS 'When it was asked';
COMMENT ON COLUMN sessions.token IS 'Session token';

INSERT INTO users (username, password_hash, role, full_name, created_at, updated_at)
SELECT 'siswa' || n, encode(sha256(convert_to('rahasia' || n, 'UTF8')), 'hex'), 'siswa', 'Siswa ' || n,
       '2025-07-14 07:00'::timestamp + n * interval '1 hour', '2025-07-14 07:00'
FROM generate_series(1, 200) n;
INSERT INTO users (username, password_hash, role, full_name, created_at) VALUES
  ('Budi', encode(sha256('rahasia'), 'hex'), 'guru', NULL, NULL),
  ('budi', encode(sha256('rahasia'), 'hex'), 'siswa', 'Budi Santoso', '2025-01-01 00:00'),
  ('BUDI', encode(sha256('rahasia'), 'hex'), 'admin', E'Bu\u0301di', '1999-12-31 23:59:59.999999');
INSERT INTO sessions (user_id, token, expires_at, created_at)
SELECT n, encode(sha256(convert_to('token' || n, 'UTF8')), 'base64'), '2025-07-14 07:00'::timestamp + n * interval '1 day',
       '2025-07-13 07:00'
FROM generate_series(1, 100) n;
INSERT INTO sessions (user_id, token, expires_at, created_at) VALUES
  (1, 'plain-token-1', '2099-01-01 00:00', '2025-01-01 00:00'),
  (2, 'token with ünïcode', '2099-01-01 00:00', NULL),
  (NULL, 'nobody''s-token', '2020-01-01 00:00', NULL),
  (3, repeat('x', 255), 'infinity', NULL);
INSERT INTO subjects (grade, name, code) VALUES (10, 'Matematika', 'MAT-10'), (11, 'Fisika', 'FIS-11');
INSERT INTO books (subject_id, title, filename, vkp_version, chunk_count) VALUES
  (1, 'Aljabar', 'aljabar.pdf', '1.0.0', 12), (NULL, 'Tanpa mata pelajaran', NULL, NULL, NULL);
INSERT INTO chat_history (user_id, subject_id, question, response, confidence, created_at)
SELECT 1 + n % 203, 1 + n % 2, 'Pertanyaan ' || n, 'Jawaban ' || n, CASE WHEN n % 3 = 0 THEN NULL ELSE n % 100 / 100.0 END,
       '2025-07-14 07:00'::timestamp + n * interval '1 second'
FROM generate_series(1, 120000) n;
INSERT INTO chat_history (user_id, subject_id, question, response, created_at) VALUES
  (NULL, NULL, 'Siapa?', 'Tidak diketahui', NULL),
  (1, NULL, 'Tanpa mata pelajaran', 'Ya', '2025-07-14 07:00'),
  (NULL, 1, 'Tanpa pengguna', 'Ya', '-infinity'),
  (1, 1, '', '', NULL);
DELETE FROM chat_history WHERE id % 1000 = 0;
INSERT INTO topic_mastery (user_id, subject_id, topic, mastery_level, last_question_date)
SELECT n, 1, 'Topik ' || n, n / 200.0, '2025-07-14 07:00' FROM generate_series(1, 200) n;
INSERT INTO weak_areas (user_id, subject_id, topic, weakness_score) VALUES (1, 1, 'Pecahan', 0.5);
INSERT INTO practice_questions (subject_id, topic, difficulty, question_text, answer_hint) VALUES (1, 'Pecahan', 'easy', '1/2?', '0.5');
